//! `postroom domain advise`: what else helps a domain's mail to arrive, for people.

use std::process::ExitCode;

use postroom::advisory::{self, Advice, AdviceCode, Grade, Subject, Topic};
use postroom::db::Postroom;

use super::named::{find, parse};
use super::output::{is_coloured, printable};
use super::{Context, Failure};
use crate::json::advice::advice_json;
use crate::scout::MailScout;

/// Looks, and prints a line for each piece of advice. No advice is a failure, so it exits 0.
pub(super) fn run(
    context: &Context,
    postroom: &Postroom,
    name: &str,
    smtp: bool,
) -> Result<ExitCode, Failure> {
    let name = parse(name)?;
    postroom.read(|tx| find(tx, &name).map(drop))?;
    let settings = postroom.settings();
    let mut scouts = context.config.scouts(settings)?;
    if smtp {
        scouts.smtp = scouts.smtp.or_else(|| Some(MailScout::named(&settings.mx_host)));
    }
    let resolver = context.resolver()?;
    let advice = advisory::look(
        &Subject::new(name.clone(), settings),
        &scouts.tools(&resolver, &settings.egress, postroom.now()),
    );
    context.output.print(&advice_json(&name, &advice), || advice.iter().map(line).collect())?;
    Ok(ExitCode::SUCCESS)
}

/// Advice in two lines: grade, topic and code; the sentence.
fn line((topic, advice): &(Topic, Advice)) -> String {
    let code = advice.code.map(AdviceCode::as_str);
    let code = code.map_or(String::new(), |code| format!(" [{code}]"));
    format!("{} {}{code}\n        {}\n", painted(advice.grade), topic.as_str(), printable(&advice.text))
}

/// The grade, in colour on a terminal unless `NO_COLOR` is set.
fn painted(grade: Grade) -> String {
    let word = format!("{:<7}", grade.as_str().to_uppercase());
    if !is_coloured(&std::io::stdout()) {
        return word;
    }
    let colour = match grade {
        Grade::Good => 32,
        Grade::Note => 36,
        Grade::Improve | Grade::Unknown => 33,
    };
    format!("\x1b[{colour}m{word}\x1b[0m")
}
