// Goes through the console as people do, and looks at every page with axe-core, at three widths, in both schemes, and without
// a script.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { domains, firstLink, link, open, postroom, signIn, url } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const markup = `"><script>window.hit=1</script><img src=x onerror="window.hit=1">`;
const complaints = [];

const listen = (page) => {
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    // A form that is refused is answered with 422, which the browser calls an error.
    if (message.type() === 'error' && !/status of (4\d\d)/.test(message.text())) complaints.push(`${page.url()}: ${message.text()}`);
  });
};

const pages = (name) => [
  '', '/domains', '/domains?q=example&status=pending&order=newest', '/domains/bulk', `/domains/${name}`, `/domains/${name}/advice`, `/domains/${name}/keys`,
  `/domains/${name}/access`, `/domains/${name}/mail?test=jo@${name}`, `/domains/${name}/lists?to=jo@${name}&sender=a@b.example&recipient=jo@${name}`,
  `/domains/${name}/recipients`, `/domains/${name}/quarantine`, `/domains/${name}/quarantine/msg_b?mailbox=jo@${name}`, `/domains/${name}/deliveries?show=failed`, `/domains/${name}/reports`, `/domains/${name}/log`, `/domains/${name}/danger`, '/domains?problem=record_missing', '/claims', `/claims/${name}`,
  '/account', '/account/usage', '/log?since=2020-01-01', '/help', '/help/record_missing', '/password', '/sessions', '/nowhere',
].map((path) => `${url}/console${path}`);

const story = (name) => console.log(`ok: ${name}`);

const browser = await open();
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  listen(page);

  // A scanner opens the link first, and then a person; nobody twice.
  for (let time = 0; time < 2; time += 1) assert.equal((await fetch(firstLink)).status, 200);
  await signIn(page, firstLink);
  assert.equal(new URL(page.url()).pathname, '/console');
  assert.equal((await fetch(firstLink)).status, 404);
  story('a link signs in once, whoever looked at it before');

  await page.goto(`${url}/console/domains`);
  await page.fill('#add-domain', 'not a domain');
  await page.click('#add button');
  assert.ok(await page.isVisible('#add-domain-error'));
  assert.equal(await page.inputValue('#add-domain'), 'not a domain');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'add-domain', 'the page begins at the field that is wrong');
  assert.match(await page.title(), /^Error: /);
  for (const name of domains) {
    await page.goto(`${url}/console/domains`);
    await page.fill('#add-domain', name);
    await page.fill('#add-label', markup);
    await page.click('#add button');
    await page.waitForURL(`**/console/domains/${name}`);
  }
  assert.ok((await page.locator('button.copy').count()) > 8, 'values have buttons to copy them');
  story('domains are added, and what is wrong is said at its field');

  await page.goto(`${url}/console/domains/example.com`);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.click('form[data-check] button');
  await page.waitForSelector('text=What each server said', { timeout: 60000 });
  assert.equal(new URL(page.url()).pathname, '/console/domains/example.com', 'without leaving the page');
  assert.equal(await page.evaluate(() => document.activeElement.closest('form')?.matches('[data-check]')), true, 'the focus stays on the button');
  assert.match(await page.textContent('#said'), /^\d of \d records (is|are) right\.$/, 'what is read aloud');
  story('"Check now" shows what each server said, without a reload');

  const short = await browser.newContext();
  const over = await short.newPage();
  listen(over);
  await signIn(over, link('example.com'));
  const beside = await short.newPage();
  await beside.goto(`${url}/console/sessions`);
  await beside.click('text=Sign out');
  await beside.waitForSelector('h1:text("Signed out")');
  await over.click('form[data-check] button');
  await over.waitForSelector('[data-progress]:not([hidden])');
  assert.match(await over.textContent('[data-progress]'), /The check did not work/);
  await short.close();
  await page.goto(`${url}/console/domains/example.com/mail`);
  await page.selectOption('#route-mode', 'forward_email');
  await page.fill('#route-forward_to', 'no address');
  await page.selectOption('#route-mode', 'store');
  await page.click('text=Save the route');
  await page.waitForURL('**/console/domains/example.com/mail');
  await page.selectOption('#route-mode', 'webhook');
  await page.fill('#route-webhook_url', 'http://192.0.2.1/');
  await page.click('text=Save the route');
  await page.waitForSelector('#route-webhook_url-error');
  await page.selectOption('#route-mode', 'store');
  assert.ok(await page.isVisible('#route-webhook_url-error'), 'what is wrong stays in sight');
  story('a check that fails says so, and no field that is hidden holds a form up');

  await page.goto(`${url}/console/domains/example.com/mail`);
  await page.selectOption('#route-mode', 'forward_email');
  await page.goto(`${url}/console/domains/example.com/keys`);
  await page.goBack();
  assert.equal(await page.inputValue('#route-mode'), 'forward_email', 'the browser has kept it');
  assert.ok(await page.isVisible('#route-forward_to'));
  story('a page to which the browser goes back shows the fields that its choice needs');

  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`${url}/console/domains/example.com`);
  await page.locator('button.copy').first().click();
  await page.waitForFunction(() => document.getElementById('said').textContent.startsWith('Copied: '));
  story('what was copied is read aloud');

  await page.goto(`${url}/console/domains`);
  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.isVisible('text=bakery.example') && !await page.isVisible('#add button') && !await page.isVisible('input[name=chosen] >> nth=0'));
  await page.emulateMedia({ media: 'screen' });
  await page.setViewportSize({ width: 320, height: 800 });
  assert.ok(await page.isVisible('[data-choose-all] input') && await page.isVisible('text=Choose all'));
  await page.setViewportSize({ width: 1440, height: 900 });
  story('the list of domains can be printed, and chosen whole on a telephone');

  const late = await context.newPage();
  await late.clock.install();
  listen(late);
  await late.goto(`${url}/console/domains/example.com/mail`);
  await late.clock.fastForward(26 * 60000);
  assert.equal(await late.isVisible('#ending'), false);
  await late.clock.fastForward(80000);
  await late.waitForSelector('#ending >> text=Your session ends in two minutes');
  await late.evaluate(axe);
  assert.deepEqual((await late.evaluate(() => window.axe.run())).violations.map(({ id }) => id), [], 'the page that warns');
  await late.click('text=Stay signed in');
  await late.waitForSelector('#ending', { state: 'hidden' });
  await late.clock.fastForward(31 * 60000);
  await late.waitForSelector('#ending >> text=Your session is over');
  await late.close();
  story('a page says in time that its session ends, and has a button to stay');

  await page.goto(`${url}/console/domains/example.com/advice`);
  await page.click('form[data-check] button');
  await page.waitForSelector('text=Look again', { timeout: 60000 });
  assert.equal(await page.locator('h3', { hasText: 'MTA-STS' }).count(), 1);
  assert.equal(new URL(page.url()).pathname, '/console/domains/example.com/advice', 'without leaving the page');
  story('"Look now" shows what else helps mail to arrive');

  await page.goto(`${url}/console/domains/example.com/access`);
  await page.fill('#token-name', markup);
  await page.click('text=Make a token');
  assert.match(await page.textContent('.secret code'), /^prt_/);
  await page.reload();
  assert.equal(await page.locator('tbody tr').count(), 1, 'a reload makes no second token');
  assert.equal(await page.locator('.secret code').count(), 0);
  story('a secret is shown once');

  // A message that a filter marked is held back; it is full of markup.
  const mailbox = `${process.env.SITE}/mail/example.com/jo/.Quarantine/new`;
  mkdirSync(mailbox, { recursive: true });
  const kept = `Return-Path: <a@b.example>\nDelivered-To: jo@example.com\nFrom: ${markup} <s@b.example>\nSubject: ${markup} ${'x'.repeat(300)}\n\n${markup}\n`;
  for (const id of ['msg_a', 'msg_b']) writeFileSync(`${mailbox}/${id}`, kept);

  // Every field of every form, filled with markup.
  let dangerous = 0;
  const operator = await browser.newContext();
  const above = await operator.newPage();
  listen(above);
  await signIn(above, link('--operator'));
  await above.click('main form button');
  await above.waitForURL('**/console');
  for (const [page, address] of [...pages('example.com').map((address) => [context.pages()[0], address]), [above, `${url}/console/domains/example.com/danger`]]) {
    await page.goto(address);
    // From the last to the first, and no more than there were: some forms make more of them.
    for (let at = await page.locator('main form').count() - 1; at >= 0; at -= 1) {
      const form = page.locator('main form').nth(at);
      // What waits for the DNS or delivers a message is left out, and what ends something at the press of a button, without a field.
      const { isDangerous, isLeftOut } = await form.evaluate((form) => {
        const isDangerous = form.querySelector('.danger') !== null;
        const hasField = form.querySelector('input:not([type=hidden]):not([type=checkbox]), textarea') !== null;
        return { isDangerous, isLeftOut: isDangerous && !hasField || form.matches('[data-check], [action$=activate], [action$=release]') };
      });
      if (isLeftOut) continue;
      const took = await form.evaluate((form, text) => {
        for (const field of form.querySelectorAll('input:not([type=hidden]):not([type=file]), textarea')) {
          if (field.type === 'checkbox') continue;
          field.type === 'email' || field.type === 'url' || field.type === 'number' ? field.setAttribute('type', 'text') : 0;
          field.value = text;
        }
        form.noValidate = true;
        return form.querySelector('button, input[type=submit]') !== null;
      }, markup);
      if (!took) continue;
      const [answer] = await Promise.all([page.waitForNavigation({ timeout: 20000 }), form.evaluate((form) => form.requestSubmit())]).catch((error) => { throw new Error(`${address}, form ${at}: ${error.message}`); });
      if (isDangerous) {
        dangerous += 1;
        assert.equal(answer.status(), 422, `${address}, form ${at}: nothing is ended by markup`);
      }
      assert.equal(await page.evaluate(() => window.hit), undefined, `markup ran at ${address}`);
      assert.equal(await page.locator('main img').count(), 0, `markup became an element at ${address}`);
      await page.goto(address);
    }
  }
  assert.ok(dangerous >= 6, `${dangerous} forms that end something: delete, rename and transfer of a domain, delete of a message`);
  await operator.close();
  story('what is entered is never markup, also where something would end');

  const quarantine = `${url}/console/domains/example.com/quarantine`;
  await page.goto(quarantine);
  await page.click('tbody a[href*=msg_a]');
  assert.ok((await page.textContent('pre')).includes(markup), 'the message is text');
  await page.click('main button.primary');
  await page.waitForURL(quarantine);
  assert.equal(await page.locator('tbody tr').count(), 1);
  assert.equal(readdirSync(`${process.env.SITE}/mail/example.com/jo/new`).length, 1);
  story('what is held back is shown as text, and delivered');

  const actions = new Set();
  for (const address of pages('example.com')) {
    await page.goto(address);
    for (const action of await page.$$eval('form[method=post]', (forms) => forms.map((form) => form.action))) actions.add(action);
  }
  assert.ok(actions.size > 30, `${actions.size} forms`);
  for (const action of actions) {
    const status = await page.evaluate(async (to) => (await fetch(to, { method: 'POST', body: new URLSearchParams({ name: 'x', confirm: 'example.com' }) })).status, action);
    assert.equal(status, 403, `${action} without its token`);
  }
  story('no form is taken without the token of its session');

  // What a domain's page says to enter is entered in the DNS, and the page turns by itself.
  const name = 'bakery.example';
  const streams = [];
  page.on('response', (answer) => { if (answer.headers()['content-type'] === 'text/event-stream') streams.push(answer.url()); });
  await page.goto(`${url}/console/domains/${name}`);
  const records = await page.$$eval('article.record', (cards) => cards.map((card) => {
    const field = (label) => [...card.querySelectorAll('dt')].find((term) => term.textContent === label)?.nextElementSibling.querySelector('code')?.textContent;
    return { type: field('Type'), name: field('Whole name'), priority: field('Priority'), value: field('Value') };
  }));
  assert.ok(records.length >= 4, JSON.stringify(records));
  await page.evaluate(() => { window.untouched = true; });
  const zone = JSON.parse(readFileSync(process.env.ZONE, 'utf8'));
  for (const record of records) {
    zone[`${record.name} ${record.type}`] = [record.type === 'MX' ? `${record.priority} ${record.value}` : record.value];
    if (record.type === 'CNAME') zone[`${record.value} A`] = ['192.0.2.25'];
  }
  writeFileSync(process.env.ZONE, JSON.stringify(zone));
  const elsewhere = await context.newPage();
  await elsewhere.goto(`${url}/console/domains/${name}`);
  await elsewhere.click('form[data-check] button');
  await elsewhere.waitForSelector(`text=${name} is active`, { timeout: 60000 });
  await page.waitForSelector(`text=${name} is active`, { timeout: 60000 });
  assert.equal(await page.evaluate(() => window.untouched), true, 'without a reload');
  assert.equal(streams.length, 1, 'it was told by a stream of events');
  await elsewhere.goto(`${url}/console/domains/${name}/keys`);
  await elsewhere.click('text=Rotate now');
  await elsewhere.waitForSelector('text=A rotation is under way');
  await elsewhere.close();
  story('records are published, the page turns active without a reload, and a rotation begins');

  await page.goto(`${url}/console/domains`);
  await page.check('[data-choose-all] input');
  assert.equal(await page.locator('input[name=chosen]:checked').count(), domains.length);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('button[value=export]')]);
  const sheet = readFileSync(await download.path(), 'utf8').trim().split('\r\n');
  assert.equal(sheet.length, domains.length + 1, sheet.join('|'));
  await page.goto(`${url}/console/domains`);
  await page.check('input[value="news.example.com"]');
  await page.click('button[value=delete]');
  await page.fill('#confirm', 'delete 2');
  await page.click('button.danger');
  assert.ok(await page.isVisible('#confirm-error'));
  await page.fill('#confirm', 'delete 1');
  await page.click('button.danger');
  assert.ok(await page.isVisible('text=1 domain deleted.'));
  story('chosen domains are exported, and deleted once the words are typed');

  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const address of pages('example.com')) {
      for (const width of [320, 768, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(address);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${address} is ${wide} pixels too wide at ${width}`);
      }
      // Our policy lets no foreign script in, so this one comes by the debugger.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`), [], `${address} (${scheme})`);
    }
  }
  story('every page: axe-core in both schemes, and three widths');

  const bare = await browser.newContext({ javaScriptEnabled: false });
  const plain = await bare.newPage();
  await signIn(plain, link('--account', 'default'));
  for (const address of pages('example.com')) {
    const answer = await plain.goto(address);
    assert.equal(answer.status(), address.endsWith('/nowhere') ? 404 : 200, address);
    assert.equal(await plain.locator('h1').count(), 1, address);
  }
  await plain.goto(`${url}/console/domains/example.com`);
  await plain.click('form[data-check] button');
  assert.ok(await plain.isVisible('text=What each server said'));
  await plain.goto(`${url}/console/domains/example.com/advice`);
  await plain.click('form[data-check] button');
  assert.ok(await plain.isVisible('text=Look again'));
  story('every page without a script');

  const other = await browser.newContext();
  const guest = await other.newPage();
  await signIn(guest, link('shop.example.org'));
  assert.equal(new URL(guest.url()).pathname, '/console/domains/shop.example.org');
  assert.equal((await guest.goto(`${url}/console/domains/example.com`)).status(), 404);
  assert.equal((await guest.goto(`${url}/console/account`)).status(), 404);
  story("a domain's administrator sees that domain alone");

  await page.goto(`${url}/console/domains/example.com/access`);
  await page.click('text=Make a set-up link');
  const handed = (await page.textContent('.secret code')).trim();
  for (const language of ['en-GB', 'de-AT', 'fr', 'es-MX']) {
    const theirs = await browser.newContext({ locale: language });
    const customer = await theirs.newPage();
    listen(customer);
    assert.equal((await customer.goto(handed)).status(), 200);
    assert.equal(await customer.getAttribute('html', 'lang'), language.slice(0, 2));
    for (const scheme of ['light', 'dark']) {
      await customer.emulateMedia({ colorScheme: scheme });
      for (const width of [320, 768, 1440]) {
        await customer.setViewportSize({ width, height: 900 });
        const wide = await customer.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `the set-up page in ${language} is ${wide} pixels too wide at ${width}`);
      }
      await customer.evaluate(axe);
      const { violations } = await customer.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`), [], `the set-up page in ${language} (${scheme})`);
    }
    if (language === 'de-AT') {
      await customer.click('form[data-check] button');
      await customer.waitForSelector('.finding', { timeout: 60000 });
      assert.equal(new URL(customer.url()).pathname, '/setup', 'without leaving the page');
      assert.match(await customer.textContent('.finding'), /Was zu tun ist/);
      assert.equal((await customer.goto(`${url}/console/domains/example.com`)).status(), 401);
    }
    await theirs.close();
  }
  const unscripted = await bare.newPage();
  await unscripted.goto(`${handed}&lang=fr`);
  await unscripted.click('form[data-check] button');
  assert.ok(await unscripted.isVisible('text=Le DNS vient d’être interrogé'));
  await page.goto(`${url}/console/domains/example.com/access`);
  const its = page.locator('tr', { hasText: handed.slice(-4) });
  await its.locator('summary').click();
  await its.locator('input[name=sure]').check();
  await its.locator('button').click();
  await page.waitForLoadState();
  assert.equal((await unscripted.goto(handed)).status(), 404);
  story('a customer without an account is handed the set-up page, in their language, until the link is revoked');

  const codeOf = (key) => {
    const bits = [...key].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
    const octets = Buffer.from((bits.match(/.{8}/g) ?? []).map((octet) => parseInt(octet, 2)));
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
    const hash = createHmac('sha1', octets).update(step).digest();
    const at = hash[19] & 15;
    return String((hash.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
  };
  const morning = await browser.newContext();
  const jo = await morning.newPage();
  listen(jo);
  await signIn(jo, link('--account', 'default'));
  await jo.goto(`${url}/console/password`);
  await jo.fill('#begin-name', 'jo');
  for (const field of ['password', 'repeated']) await jo.fill(`#begin-${field}`, 'four words in a row');
  await jo.click('text=Go on');
  assert.ok(await jo.isVisible('svg.qr'));
  const key = (await jo.textContent('.secret code')).trim();
  await jo.evaluate(axe);
  assert.deepEqual((await jo.evaluate(() => window.axe.run())).violations.map(({ id }) => id), [], 'the page with the key');
  await jo.fill('#code', codeOf(key));
  await jo.click('text=Confirm');
  const spare = (await jo.textContent('.codes li')).trim();
  await jo.click('text=Sign out');
  await jo.goto(`${url}/console/sign-in`);
  await jo.evaluate(axe);
  assert.deepEqual((await jo.evaluate(() => window.axe.run())).violations.map(({ id }) => id), [], 'the page that asks for a password');
  const enter = async (password, code) => {
    await jo.fill('#name', 'jo@default');
    await jo.fill('#password', password);
    await jo.fill('#code', code);
    await jo.click('main form[action$="/sign-in"] button');
    await jo.waitForLoadState();
  };
  await enter('not these words', spare);
  assert.ok(await jo.isVisible('#refused'));
  await enter('four words in a row', spare);
  assert.equal(new URL(jo.url()).pathname, '/console');
  await morning.close();
  story('a password and a code sign in each morning, and nothing else does');

  // A device that holds passkeys, and says yes to whatever it is asked.
  const own = await browser.newContext();
  const there = await own.newPage();
  listen(there);
  const device = await own.newCDPSession(there);
  await device.send('WebAuthn.enable');
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
  } });
  const verify = (isUserVerified) => device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
  const clean = async (which, name) => {
    await which.evaluate(axe);
    assert.deepEqual((await which.evaluate(() => window.axe.run())).violations.map(({ id }) => id), [], name);
  };
  await signIn(there, link('--account', 'default'));
  await there.goto(`${url}/console/password`);
  await clean(there, 'the page of passwords and passkeys');
  await there.fill('#add-name', 'ann');
  await there.fill('#add-label', markup.slice(0, 64));
  await there.click('text=Add a passkey');
  await there.waitForSelector('h1:text("Make the passkey")');
  await clean(there, 'the page that makes a passkey');
  await there.click('form[data-passkey] button');
  await there.waitForSelector('.notice.good');
  const [passkey] = (await device.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
  assert.ok(passkey.isResidentCredential && passkey.rpId === 'localhost');
  await there.click('text=Sign out');
  await there.goto(`${url}/console/sign-in`);
  await clean(there, 'the page that signs in');
  const useIt = async () => {
    await there.goto(`${url}/console/sign-in`);
    await there.click('text=Sign in with a passkey');
  };
  await useIt();
  await there.waitForURL(`${url}/console`);
  assert.match(await there.textContent('.who'), /Account administrator/);
  await there.goto(`${url}/console/password`);
  assert.match(await there.textContent('main'), /ann@default/);
  await clean(there, 'the page of somebody with a passkey');
  await there.fill('#rename-label', 'my laptop');
  await there.click('text=Rename >> nth=-1');
  await there.waitForSelector('.notice.good');
  // The device has a passkey of theirs, so it makes no second one.
  await there.fill('#add-label', 'twice');
  await there.click('main form[action$="/passkeys"] button');
  await there.click('form[data-passkey] button');
  await there.waitForSelector('text=This device has a passkey of yours already.');
  // Without a look at who it is, no device signs in.
  await verify(false);
  await useIt();
  await there.waitForSelector('[data-told]:not([hidden])');
  await verify(true);
  await useIt();
  await there.waitForURL(`${url}/console`);
  await there.goto(`${url}/console/password`);
  assert.match(await there.textContent('main'), /This is your last way in/);
  await there.check('text=I shall sign in by a login link');
  await there.click('main form[action$="/passkeys/remove"] button');
  await there.waitForSelector('h1:text("Your last way in is removed")');
  await clean(there, 'the page after the last way in');
  await useIt();
  await there.waitForSelector('text=This server does not know the passkey');
  await clean(there, 'the page that refuses a passkey');
  await own.close();
  story('a passkey is added, signs in without a name, is renamed and removed, and then signs nobody in');

  const unscriptedContext = await browser.newContext({ javaScriptEnabled: false });
  const still = await unscriptedContext.newPage();
  await still.goto(`${url}/console/sign-in`);
  assert.equal(await still.isVisible('text=Sign in with a passkey'), false);
  assert.ok(await still.isVisible('#password'));
  await signIn(still, link('--account', 'default'));
  await still.goto(`${url}/console/password`);
  assert.ok(await still.isVisible('text=Adding a passkey needs JavaScript'));
  assert.equal(await still.isVisible('#add-label'), false);
  await still.click('text=Sign out');
  await unscriptedContext.close();
  story('without a script the page says that a passkey needs one, and passwords work');

  await page.goto(`${url}/console/sessions`);
  const rows = await page.locator('tbody tr').count();
  assert.equal(rows, 4, 'the sessions of the account, and that of the domain');
  await page.locator('tbody tr', { hasText: 'One domain' }).locator('button').click();
  await page.waitForLoadState();
  assert.equal((await guest.goto(`${url}/console/domains/shop.example.org`)).status(), 401);
  await page.click('text=Sign out');
  assert.equal((await page.goto(`${url}/console`)).status(), 401);
  story('a session is ended by another, and by oneself');

  assert.deepEqual(complaints, [], 'what the browser complains of');
  assert.match(postroom('audit'), /session\.ended/);
} finally {
  await browser.close();
}
