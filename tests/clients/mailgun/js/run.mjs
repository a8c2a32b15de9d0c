// Every call of the domain-keys interface through the unmodified mailgun.js, with nothing changed but its base URL.
//
// Prints one line a call, and stops at the first that fails, with 1. What it needs in the environment stands in
// ../README.md. What the client sends, beside each call below:
//
// - its lists have no pager: `listAll` takes no page, and whoever wants the next page asks for it by `request`, which
//   is what its other lists do inside; the client has split the four links of `paging` by then, each with `new URL`,
//   so a relative one throws
// - GET, PUT and DELETE carry the content type of a urlencoded body, and none
// - `activate`, `deactivate` and the rest put names into the path as they are

import { File } from 'node:buffer';
import { readFileSync } from 'node:fs';
import Mailgun from 'mailgun.js';
import NodeFormData from 'form-data';

const env = (name) => process.env[name] ?? fail('start', `${name} is missing`);
const fixture = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

let call = 'start';

function fail(where, why) {
  console.error(`FAILED: mailgun.js: ${where}: ${why}`);
  process.exit(1);
}

function is(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) fail(call, `${what} is ${a}, not ${b}`);
}

function holds(condition, what, found) {
  if (!condition) fail(call, `${what}: ${JSON.stringify(found)}`);
}

/** Makes a call that must succeed. */
async function ok(name, ask) {
  call = name;
  const reply = await ask().catch((e) => fail(name, `${e.status} ${e.message}: ${e.details}`));
  console.log(`ok ${name}`);
  return reply;
}

/** Makes a call that must be refused, with this status and these words; the client calls the words "details". */
async function refused(name, status, words, ask) {
  call = name;
  const reply = await ask().then((got) => ({ got }), (e) => e);
  if ('got' in reply) fail(name, `it succeeds: ${JSON.stringify(reply.got)}`);
  is([reply.type, reply.status], ['MailgunAPIError', status], 'the fault');
  holds(words instanceof RegExp ? words.test(reply.details) : reply.details === words, 'the words', reply.details);
  console.log(`ok ${name}: ${reply.details}`);
}

const url = env('POSTROOM_URL');
const [served, unserved, child] = [env('POSTROOM_SERVED'), env('POSTROOM_UNSERVED'), env('POSTROOM_CHILD')];
const paged = env('POSTROOM_PAGED').split(',');
const also = (process.env.POSTROOM_ALSO ?? '').split(',');
const client = (FormData, more) =>
  new Mailgun(FormData).client({ username: 'api', key: env('POSTROOM_KEY'), url, ...more });
const mailgun = client(FormData);
const keys = mailgun.domains.domainKeys;
const [pkcs1, pkcs8] = [fixture('pkcs1.pem'), fixture('pkcs8.pem')];
const published = `k=rsa; p=${fixture('public.p').trim()}`;

/** A key in a reply, with every field that the client's types name, of the type that they name. */
function isKey(key, domain, selector) {
  is([key.signing_domain, key.selector], [domain, selector], 'the key');
  const record = key.dns_record;
  is(
    [record.name, record.record_type, typeof record.is_active, Array.isArray(record.cached)],
    [`${selector}._domainkey.${domain}`, 'TXT', 'boolean', true],
    'the record',
  );
  holds(['unknown', 'valid', 'invalid'].includes(record.valid), 'valid', record.valid);
  holds(record.value.startsWith('k=rsa; p='), 'value', record.value);
}

const create = (of, selector, more) => of.create({ signingDomain: unserved, selector, ...more });
const selectors = (items) => items.map((item) => item.selector);

// POST /v1/dkim/keys, multipart; the boundary is the platform's or the form-data package's.
for (const [name, of] of [
  ['native', keys],
  ['fetch', client(FormData, { useFetch: true }).domains.domainKeys],
  ['package', client(NodeFormData).domains.domainKeys],
]) {
  const made = await ok(`create (${name})`, () => create(of, `js-${name}`, { bits: '1024' }));
  is(made.status, 200, 'the status');
  isKey(made, unserved, `js-${name}`);
  is([made.dns_record.is_active, made.dns_record.valid], [false, 'unknown'], 'a new key');
}
const whole = await ok('create without bits', () => create(keys, 'js-whole', {}));
holds(whole.dns_record.value.length > 350, 'the key has 2048 bits', whole.dns_record.value);

// A PEM as a text is sent with CRLF for LF; as a file, only by the platform's FormData, as it is.
const importing = (selector, pem) => () => keys.create({ signingDomain: served, selector, pem });
for (const [selector, pem] of [['text', pkcs1], ['file', new File([pkcs1], 'server.key')]]) {
  const made = await ok(`create with a PEM as ${selector}`, importing(selector, pem));
  isKey(made, served, selector);
  is(made.dns_record.value, published, 'its public half');
}
// The client appends every element of an array, so this one comes twice: as a text and as a file.
const twice = await ok('create with a PEM twice', importing('both', ['server.key', new Blob([pkcs1])]));
is(twice.dns_record.value, published, 'the file counts');

await refused('create: duplicate key', 400, 'failed to create domain key: duplicate key', () => create(keys, 'js-native', {}));
await refused('create: no PEM', 400, 'failed to import domain key: failed to parse PEM', importing('bad', 'nonsense'));
await refused(
  'create: PKCS #8', 400,
  'failed to import domain key: failed to parse private key: key must be PKCS1 format',
  importing('bad', pkcs8),
);
await refused('create: no selector', 400, 'Missing mandatory parameter: selector', () => create(keys, undefined, {}));
await refused(
  'create: no domain', 400, 'Missing mandatory parameter: signing_domain',
  () => keys.create({ signingDomain: undefined, selector: 's' }),
);
await refused(
  'create: unknown domain', 404, 'Domain not found',
  () => keys.create({ signingDomain: 'unknown.example.org', selector: 's' }),
);
await refused('create: bits', 400, /bits/, () => create(keys, 'js-odd', { bits: '1' }));
await refused('create: selector', 400, /selector/, () => create(keys, 'js odd', {}));

// GET /v4/domains/{authority}/keys, no parameters.
const listed = await ok('list', () => keys.list(served));
is(listed.status, 200, 'the status');
for (const selector of ['text', 'file', 'both']) {
  const key = listed.items.find((item) => item.selector === selector);
  isKey(key ?? fail(call, `${selector} is not there`), served, selector);
}
is((await ok('list: unknown domain', () => keys.list('unknown.example.org'))).items, [], 'its keys');

// GET /v1/dkim/keys?limit=&signing_domain=…&selector=…; it always sends an empty limit.
const some = await ok('listAll', () => keys.listAll());
is(Object.keys(some.pages).sort(), ['first', 'last', 'next', 'previous'], 'the links');
holds(Object.values(some.pages).every((page) => page.iteratorPosition), 'every link has a page', some.pages);
holds(some.items.length > 0 && some.items.length <= 10, 'ten keys a page', some.items.length);
const filtered = await ok('listAll with filters', () => keys.listAll({ signingDomain: served, selector: 'text' }));
is(selectors(filtered.items), ['text'], 'the keys');

// 25 keys more, each then found once by going from page to page.
const expected = [];
for (let n = 0; n < 25; n += 1) {
  const made = { signingDomain: paged[n % paged.length], selector: `page-${n}`, bits: '1024' };
  await ok(`create ${n + 1} of 25`, () => keys.create(made));
  expected.push(`${made.selector}@${made.signingDomain}`);
}
for (const limit of ['', '7', '100']) {
  const found = [];
  const follow = async (page) => keys.requestListWithPages('/v1/dkim/keys', { page, limit });
  let page = await ok(`first page, limit "${limit}"`, () => follow(''));
  for (let pages = 0; page.items.length > 0; pages += 1) {
    holds(pages < 30, 'the pages come to an end', pages);
    holds(page.items.length <= (Number(limit) || 10), 'a page is not longer than asked', page.items.length);
    found.push(...page.items.map((item) => `${item.selector}@${item.signing_domain}`));
    const { next } = page.pages;
    page = await ok('next page', () => follow(next.page));
  }
  is(found.length, new Set(found).size, 'every key is there once');
  is(expected.filter((key) => !found.includes(key)), [], 'what is missing');
}
const first = await ok('a page of a filtered list', () =>
  keys.requestListWithPages('/v1/dkim/keys', { signing_domain: paged[0], limit: '4' }));
const second = await ok('the page after it', () =>
  keys.requestListWithPages('/v1/dkim/keys', { page: first.pages.next.page, limit: '4' }));
for (const item of [...first.items, ...second.items]) is(item.signing_domain, paged[0], 'the filter stays');
const back = await ok('the page before it', () =>
  keys.requestListWithPages('/v1/dkim/keys', { page: second.pages.previous.page, limit: '4' }));
is(selectors(back.items), selectors(first.items), 'the way back');

// PUT /v4/domains/{authority}/keys/{selector}/activate and deactivate, with an empty urlencoded body.
for (const selector of ['text', 'file']) {
  const active = await ok(`activate ${selector}`, () => keys.activate(served, selector));
  is(active, { message: 'domain key activated', authority: served, selector, active: true, status: 200 }, 'the reply');
}
const key = (await keys.list(served)).items.find((item) => item.selector === 'text');
is([key.dns_record.is_active, key.dns_record.valid], [true, 'valid'], 'an active key');
holds(key.dns_record.cached.length > 0, 'what the DNS had', key.dns_record.cached);
await refused('activate: not in the DNS', 400, /^failed to activate domain key: ./, () => keys.activate(unserved, 'js-native'));
await refused('activate: unknown key', 404, 'domain key not found', () => keys.activate(served, 'none'));
await refused('activate: unknown domain', 404, /not found$/, () => keys.activate('unknown.example.org', 's'));
const inactive = await ok('deactivate', () => keys.deactivate(served, 'file'));
is(inactive, { message: 'domain key deactivated', authority: served, selector: 'file', active: false, status: 200 }, 'the reply');
await refused('deactivate: unknown key', 404, 'domain key not found', () => keys.deactivate(served, 'none'));

// DELETE /v1/dkim/keys?signing_domain=…&selector=…
is((await ok('destroy', () => keys.destroy(served, 'file'))).message, 'success', 'the message');
await refused('destroy: unknown key', 404, 'domain key not found', () => keys.destroy(served, 'file'));
await refused('destroy: no selector', 400, /^Missing mandatory parameter: /, () => keys.destroy(served, ''));
for (const other of (await keys.list(served)).items) {
  if (other.dns_record.is_active && other.selector !== 'text') {
    await ok(`deactivate ${other.selector}`, () => keys.deactivate(served, other.selector));
  }
}
await refused(
  'destroy: the last active key', 400, 'cannot delete domain key: must have at least one active domain key',
  () => keys.destroy(served, 'text'),
);

// PUT /v3/domains/{name}/dkim_selector?dkim_selector=…, and without one it sends the word "undefined".
const renamed = await ok('dkim_selector', () => keys.updateDKIMSelector(served, { dkimSelector: 'renamed' }));
is(renamed, { status: 200, message: 'DKIM selector changed' }, 'the reply');
const after = (await keys.list(served)).items.find((item) => item.selector === 'renamed');
isKey(after ?? fail(call, 'the key has not its new selector'), served, 'renamed');
is([after.dns_record.value, after.dns_record.valid], [published, 'unknown'], 'the same pair, to be looked up anew');
await refused('dkim_selector: taken', 400, /./, () => keys.updateDKIMSelector(served, { dkimSelector: 'both' }));
await refused(
  'dkim_selector: unknown domain', 404, 'Domain not found',
  () => keys.updateDKIMSelector('unknown.example.org', { dkimSelector: 's' }),
);

// PUT /v3/domains/{name}/dkim_authority?self=…
for (const [self, changed] of [[false, true], [false, false], [true, true], ['yes', false]]) {
  const reply = await ok(`dkim_authority self=${self}`, () => keys.updateDKIMAuthority(child, { self }));
  const not = changed ? '' : 'not ';
  is([reply.message, reply.changed], [`Domain DKIM authority has ${not}been changed`, changed], 'the reply');
  for (const record of reply.sending_dns_records) {
    is([typeof record.record_type, typeof record.valid, typeof record.value, Array.isArray(record.cached)],
      ['string', 'string', 'string', true], 'a record');
  }
}
await refused(
  'dkim_authority: unknown domain', 404, 'Domain not found',
  () => keys.updateDKIMAuthority('unknown.example.org', { self: true }),
);

if (also.includes('domains')) {
  // GET /v4/domains?limit=…&skip=…, GET /v4/domains/{name}?h:extended=…&h:with_dns=…, PUT /v4/domains/{name}/verify.
  const domains = await ok('domains.list', () => mailgun.domains.list({ limit: 2, skip: 0 }));
  is(domains.length, 2, 'the domains');
  const domain = await ok('domains.get', () => mailgun.domains.get(served, { extended: true, with_dns: true }));
  is([domain.name, typeof domain.state], [served, 'string'], 'the domain');
  holds(!Number.isNaN(domain.created_at.getTime()), 'its time is one for Date', domain.created_at);
  is((await ok('domains.verify', () => mailgun.domains.verify(served))).name, served, 'the domain');
}

if (also.includes('rotation')) {
  // PUT /v1/dkim_management/domains/{name}/rotation, multipart; POST …/rotate with the JSON `{}`.
  const rotation = { rotation_enabled: true, rotation_interval: '5d' };
  const reply = await ok('rotation', () => mailgun.dkimManagement.update(served, rotation));
  is(reply.domain.name, served, 'the domain');
  holds(typeof (await ok('rotate', () => mailgun.dkimManagement.rotateImmediately(served))).message === 'string', 'the message');
}

await refused('a wrong key', 401, 'Invalid private key', () =>
  new Mailgun(FormData).client({ username: 'api', key: 'wrong', url }).domains.domainKeys.list(served));
