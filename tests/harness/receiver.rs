//! Servers that are called: one that takes what is posted to a webhook, and one that takes mail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was posted: the head, and the body.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Post {
    /// The value of a header field.
    pub(crate) fn field(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = fields.filter(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value).next();
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// What a webhook does.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It answers with this head.
    Head(String),
    /// It says nothing for so long, and hangs up.
    Hang(Duration),
}

impl Answer {
    pub(crate) fn status(status: u16) -> Answer {
        Answer::Head(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"))
    }
}

/// A webhook's server.
pub(crate) struct Webhook {
    pub(crate) port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Webhook {
    pub(crate) fn new() -> Webhook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (posts, answer) = (Arc::<Mutex<Vec<Post>>>::default(), Arc::new(Mutex::new(Answer::status(204))));
        let webhook = Webhook { port, posts: posts.clone(), answer: answer.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (posts, answer) = (posts.clone(), answer.lock().unwrap().clone());
                thread::spawn(move || serve(stream, &posts, &answer));
            }
        });
        webhook
    }

    /// Its URL for this machine.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/in?token=t0ken", self.port)
    }

    /// What it does from now on.
    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// What was posted so far.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, posts: &Mutex<Vec<Post>>, answer: &Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let mut post = Post { head, body: Vec::new() };
    post.body = vec![0; post.field("content-length").parse().unwrap()];
    // A client that was killed has sent a part.
    if reader.read_exact(&mut post.body).is_err() {
        return;
    }
    posts.lock().unwrap().push(post);
    match answer {
        Answer::Head(head) => stream.write_all(head.as_bytes()).unwrap(),
        Answer::Hang(time) => thread::sleep(*time),
    }
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// The commands before it.
    pub(crate) commands: Vec<String>,
    /// Its lines, with LF.
    pub(crate) text: String,
}

/// A mail server that takes one message a connection.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Mail>>>,
    reply: Arc<Mutex<String>>,
}

impl MailServer {
    pub(crate) fn new() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, reply) =
            (Arc::<Mutex<Vec<Mail>>>::default(), Arc::new(Mutex::new("250 2.0.0 queued as X".to_owned())));
        let server = MailServer { port, taken: taken.clone(), reply: reply.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (taken, reply) = (taken.clone(), reply.lock().unwrap().clone());
                thread::spawn(move || take(stream, &taken, &reply));
            }
        });
        server
    }

    /// What it replies to a message from now on.
    pub(crate) fn replies(&self, reply: &str) {
        *self.reply.lock().unwrap() = reply.to_owned();
    }

    /// What it has taken so far.
    pub(crate) fn taken(&self) -> Vec<Mail> {
        self.taken.lock().unwrap().clone()
    }
}

fn take(mut stream: TcpStream, taken: &Mutex<Vec<Mail>>, reply: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    say("220 mail.example.net ESMTP");
    let mut mail = Mail { commands: Vec::new(), text: String::new() };
    while let Some(line) = lines.next() {
        match line.split([' ', ':']).next().unwrap() {
            "EHLO" => say("250-mail.example.net\r\n250-8BITMIME\r\n250 SMTPUTF8"),
            "QUIT" => return,
            "DATA" => {
                say("354 go on");
                loop {
                    // A message that is cut short is none.
                    let Some(line) = lines.next() else { return };
                    if line == "." {
                        break;
                    }
                    mail.text += line.strip_prefix('.').unwrap_or(&line);
                    mail.text.push('\n');
                }
                taken.lock().unwrap().push(mail.clone());
                say(reply)
            }
            _ => say("250 OK"),
        };
        mail.commands.push(line);
    }
}
