// What the console does better with a script: copy buttons, checks without a reload, and pages that follow what happens.
// Every page works without it.
(() => {
  'use strict';

  // What a page in another language says in place of the script's own words.
  const word = (name, english) => document.querySelector(`template[data-word="${name}"]`)?.content.textContent ?? english;

  // Copy buttons are made here, for without a script they could do nothing.
  const addCopyButtons = (root) => {
    for (const value of root.querySelectorAll('[data-copy]')) {
      if (value.nextElementSibling?.classList.contains('copy') || !navigator.clipboard) continue;
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy slight';
      button.textContent = word('copy', 'Copy');
      button.setAttribute('aria-label', `${word('copy', 'Copy')} ${value.dataset.copy}`);
      button.addEventListener('click', async () => {
        let outcome = word('copied', 'Copied');
        try {
          await navigator.clipboard.writeText(value.dataset.text ?? value.textContent);
        } catch {
          outcome = word('copy-yourself', 'Select it and copy it yourself');
        }
        button.textContent = outcome;
        // The button's own name stays what it copies, so what it shows is said apart.
        const told = `${outcome}: ${value.dataset.copy}`;
        say(told);
        setTimeout(() => {
          button.textContent = word('copy', 'Copy');
          if (document.getElementById('said')?.textContent === told) say('');
        }, 2000);
      });
      value.after(button);
    }
  };

  // A box that chooses all the boxes of a list.
  const chooseAll = (root) => {
    for (const head of root.querySelectorAll('[data-choose-all]')) {
      const boxes = [...head.closest('table').querySelectorAll(`input[name="${head.dataset.chooseAll}"]`)];
      const [label, all] = ['label', 'input'].map((name) => document.createElement(name));
      all.type = 'checkbox';
      label.append(all, head.firstElementChild);
      label.lastElementChild.textContent = 'Choose all';
      const follow = () => {
        const chosen = boxes.filter((box) => box.checked).length;
        all.checked = chosen > 0 && chosen === boxes.length;
        all.indeterminate = chosen > 0 && chosen < boxes.length;
      };
      all.addEventListener('change', () => boxes.forEach((box) => { box.checked = all.checked; }));
      boxes.forEach((box) => box.addEventListener('change', follow));
      head.replaceChildren(label);
      addEventListener('pageshow', follow);
      follow();
    }
  };

  const say = (text) => {
    const place = document.getElementById('said');
    if (place) place.textContent = text;
  };

  // Says something that must be seen, too.
  const tell = (text) => {
    const line = document.querySelector('[data-progress]');
    if (line) [line.hidden, line.textContent, line.dataset.told] = [false, text, 'yes'];
    say(text);
  };

  // Finds in what has come what is there of something that had the focus: by its id, the form whose button it is, what it copies, or where
  // it leads.
  const successor = (fresh, focused) => {
    const alike = (selector, isAlike) => [...fresh.querySelectorAll(selector)].find(isAlike);
    if (focused.id) return fresh.querySelector(`#${CSS.escape(focused.id)}`);
    const copied = focused.classList.contains('copy') && focused.previousElementSibling.dataset.copy;
    if (copied) return alike('[data-copy]', (value) => value.dataset.copy === copied)?.nextElementSibling;
    if (focused.form) {
      const form = alike('form', (form) => form.getAttribute('action') === focused.form.getAttribute('action'));
      return [...form?.elements ?? []].find(({ name, value, type }) => name === focused.name && value === focused.value && type === focused.type);
    }
    if (focused.matches('summary') && focused.parentElement.id) return fresh.querySelector(`#${CSS.escape(focused.parentElement.id)} > summary`);
    return alike('a', (link) => link.getAttribute('href') === focused.getAttribute('href'));
  };

  // Puts what another answer says of this page's subject in the place of what stands there.
  const takeOver = (html, always) => {
    const live = document.getElementById('live');
    const answer = new DOMParser().parseFromString(html, 'text/html');
    const fresh = answer.getElementById('live');
    if (!live || !fresh) return false;
    if (!always && fresh.dataset.state === live.dataset.state) {
      if (fresh.dataset.revision) live.dataset.revision = fresh.dataset.revision;
      return true;
    }
    const open = [...live.querySelectorAll('details[open]')].map((details) => details.id).filter(Boolean);
    const marked = new Set([...live.querySelectorAll('input[type=checkbox]:checked')].map((box) => box.value));
    const focused = live.contains(document.activeElement) && document.activeElement;
    live.replaceWith(document.adoptNode(fresh));
    for (const part of document.querySelectorAll('[data-fresh]')) {
      const other = answer.getElementById(part.id);
      if (other) part.replaceWith(document.adoptNode(other));
    }
    for (const box of fresh.querySelectorAll('input[type=checkbox]')) box.checked ||= marked.has(box.value);
    open.forEach((id) => { const details = document.getElementById(id); if (details) details.open = true; });
    addCopyButtons(fresh);
    chooseAll(fresh);
    if (focused) successor(fresh, focused)?.focus({ preventScroll: true });
    const { status, became, said } = fresh.dataset;
    if (said) say(became && status !== live.dataset.status ? `${became} ${said}` : said);
    return true;
  };

  // A session ends some time after it was last used, by any of its pages, and what is typed then would be lost. Two minutes before, the
  // page says so.
  const pages = 'BroadcastChannel' in window ? new BroadcastChannel('postroom') : undefined;
  const opened = Date.now();
  let used = opened;
  const noteUse = () => {
    used = Date.now();
    pages?.postMessage('used');
  };
  const warn = () => {
    const place = document.getElementById('ending');
    if (!place) return;
    const [text, stay] = [place.querySelector('p'), place.querySelector('button')];
    let isOver = false;
    const show = (words, canStay) => {
      [place.hidden, stay.hidden] = [words === '', !canStay];
      if (text.textContent !== words) text.textContent = words;
    };
    const look = () => {
      const end = opened + place.dataset.left * 1000;
      const left = Math.min(used + place.dataset.idle * 1000, end) - Date.now();
      if (isOver || left <= 0) show('Your session is over. Copy what you have typed here before you sign in again.', false);
      else if (left > 120000) show('', false);
      else if (end - Date.now() <= 120000) show('Your session ends in two minutes, for it lasts twelve hours at most. Send what you have typed here, or copy it.', false);
      else show('Your session ends in two minutes, because you have not used it for a while. What you have typed here is lost then.', true);
    };
    stay.addEventListener('click', async () => {
      try {
        const answer = await fetch(place.dataset.stay);
        if (answer.ok) noteUse();
        else isOver = answer.status === 401;
        if (answer.ok) document.getElementById('content')?.focus();
      } catch { /* The warning stays, and so does the button. */ }
      look();
    });
    if (pages) pages.onmessage = () => { used = Date.now(); look(); };
    setInterval(look, 5000);
    addEventListener('pageshow', ({ persisted }) => { if (persisted) look(); });
  };

  // "Check now": the answer takes as long as the name servers do.
  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('form[data-check]')) return;
    event.preventDefault();
    const button = form.querySelector('button');
    if (button.getAttribute('aria-busy') === 'true') return;
    const label = button.textContent;
    button.setAttribute('aria-busy', 'true');
    button.textContent = word('checking', 'Asking the name servers…');
    say(button.textContent);
    delete document.querySelector('[data-progress]')?.dataset.told;
    listen();
    try {
      const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
      if (answer.ok) noteUse();
      const done = answer.ok && takeOver(await answer.text(), true);
      if (!done) tell(answer.status === 429 ? word('too-many', 'Too many checks at once. Try again in a moment.') : word('failed', 'The check did not work. Reload the page.'));
    } catch {
      tell(word('unreachable', 'The server could not be reached.'));
    } finally {
      button.removeAttribute('aria-busy');
      button.textContent = label;
      if (!document.getElementById('live')?.dataset.follow) hush();
    }
  });

  // While a page is open and looked at, the server tells by a stream of events how far a check is, and that something has changed.
  let stream;
  let latest;
  const isBusy = (live) => document.querySelector('[aria-busy="true"]') || live.contains(document.activeElement) && document.activeElement.matches('input, textarea, select');
  const look = async (live) => {
    try {
      const answer = await fetch(live.dataset.follow ?? location.href);
      if (answer.ok) {
        noteUse();
        takeOver(await answer.text(), false);
      }
      return answer.status;
    } catch { return 0; }
  };
  const refresh = async () => {
    const live = document.getElementById('live');
    if (live && !isBusy(live) && latest !== undefined && latest !== live.dataset.revision) await look(live);
  };
  const progress = ({ data }) => {
    const line = document.querySelector('[data-progress]');
    const [answered, asked] = data.split(' ');
    if (!line || asked === undefined && line.dataset.told) return;
    line.hidden = asked === undefined;
    line.textContent = word('answered', 'Look-ups answered: ANSWERED of ASKED.').replace('ANSWERED', answered).replace('ASKED', asked);
  };
  const listen = () => {
    const live = document.getElementById('live');
    if (stream?.readyState === EventSource.CLOSED) stream = undefined;
    if (stream || !live?.dataset.live) return;
    stream = new EventSource(live.dataset.live);
    stream.addEventListener('looking', progress);
    stream.addEventListener('state', ({ data }) => { latest = data; refresh(); });
  };
  const hush = () => {
    stream?.close();
    stream = undefined;
  };

  // A page that waits for something listens for it. Without a stream it looks again: soon at first, then less often. Neither goes on
  // for ever, so that a page left open does not keep its session alive.
  const follow = () => {
    let pause = 4000;
    const until = Date.now() + 15 * 60 * 1000;
    const isOver = () => !document.getElementById('live')?.dataset.follow || Date.now() > until;
    const again = async () => {
      const live = document.getElementById('live');
      if (isOver()) return hush();
      if (document.visibilityState === 'visible') {
        listen();
        if (stream?.readyState === EventSource.OPEN) {
          await refresh();
        } else {
          if (!isBusy(live) && await look(live) === 401) return hush();
          pause = Math.min(pause * 1.25, 30000);
        }
      }
      setTimeout(again, pause);
    };
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') hush();
      else if (!isOver()) listen();
    });
    if (!isOver() && document.visibilityState === 'visible') listen();
    setTimeout(again, pause);
  };

  // Parts of a form that another field's value makes needless. What is hidden is neither checked nor sent; what is wrong stays in sight.
  const fold = () => {
    for (const part of document.querySelectorAll('[data-when]')) {
      const [name, ...values] = part.dataset.when.split(' ');
      const field = part.closest('form')?.elements[name];
      if (!field) continue;
      const update = () => {
        part.hidden = !values.includes(field.value) && !part.querySelector('[aria-invalid]');
        for (const control of part.querySelectorAll('input, select, textarea')) control.disabled = part.hidden;
      };
      const sources = field instanceof RadioNodeList ? [...field] : [field];
      sources.forEach((source) => source.addEventListener('change', update));
      // A browser that goes back gives the fields their old values when all scripts have run.
      addEventListener('pageshow', update);
      update();
    }
  };

  // Passkeys. The browser makes one or uses one when somebody presses the button; what it answers goes into the form's fields.
  const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (octet) => octet.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  const credentials = (ids) => ids.split(' ').filter(Boolean).map((id) => ({ type: 'public-key', id: octets(id) }));

  const create = async ({ challenge, party, user, name, known, algorithms }) => {
    const { response } = await navigator.credentials.create({ publicKey: {
      challenge: octets(challenge),
      rp: { id: party, name: 'Postroom' },
      user: { id: octets(user), name, displayName: name },
      pubKeyCredParams: algorithms.split(' ').map((number) => ({ type: 'public-key', alg: Number(number) })),
      excludeCredentials: credentials(known),
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
      timeout: 240000,
    } });
    return { client: response.clientDataJSON, attestation: response.attestationObject };
  };

  const use = async ({ ask, party }) => {
    const answer = await fetch(ask, { method: 'POST' });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const { rawId, response } = await navigator.credentials.get({ publicKey: {
      challenge: octets(await answer.text()), rpId: party, userVerification: 'required', timeout: 240000,
    } });
    const { clientDataJSON: client, authenticatorData: data, signature, userHandle: owner } = response;
    return { credential: rawId, client, data, signature, owner };
  };

  const whyNot = ({ name }) => ({
    NotAllowedError: 'Nothing was done: it was cancelled, took too long, or no passkey fits. Try again.',
    InvalidStateError: 'This device has a passkey of yours already.',
    NotSupportedError: 'This device cannot make such a passkey. Use another one.',
    SecurityError: 'The browser does not use passkeys at this address.',
  })[name] ?? 'It did not work. Reload the page and try again.';

  const passkeys = () => {
    const hasPasskeys = 'PublicKeyCredential' in window;
    for (const part of document.querySelectorAll('[data-needs-script]')) part.hidden = true;
    for (const part of document.querySelectorAll('[data-passkeys]')) part.hidden = !hasPasskeys;
    for (const part of document.querySelectorAll('[data-no-passkeys]')) part.hidden = hasPasskeys;
    for (const form of document.querySelectorAll('form[data-passkey]')) {
      const told = form.querySelector('[data-told]');
      form.addEventListener('submit', async (event) => {
        event.preventDefault();
        told.hidden = true;
        try {
          const answered = await (form.dataset.passkey === 'create' ? create : use)(form.dataset);
          for (const [field, value] of Object.entries(answered)) form.elements[field].value = text(value ?? new ArrayBuffer(0));
          form.submit();
        } catch (error) {
          told.textContent = whyNot(error);
          told.hidden = false;
        }
      });
    }
  };

  addCopyButtons(document);
  chooseAll(document);
  passkeys();
  fold();
  follow();
  warn();
  noteUse();
})();
