// Every call of the inbound interface through the unmodified mailchannels-sdk, with nothing changed but its base URL.
//
// Prints one line a call, and stops at the first that fails, with 1. What it needs in the environment stands in
// ../README.md. What the client sends and reads, beside each call below:
//
// - the base URL is a prefix, before `/inbound/v1/…`; every request, GET and DELETE too, says that it brings JSON
// - names and addresses go into the path as they are, so that `+` and `@` come raw
// - arrays in the query are repeated parameters; a parameter without a value is left out
// - it takes replies as they are, and throws where a list or a recipient is missing; a body that is empty is "no data"
// - of a refusal it reads `message`, and `errors` only where there is none; its own words for the status come first
// - a GET is asked again at once, one time, at 408, 409, 425, 429 and from 500 on; nothing else is

import { MailChannels } from 'mailchannels-sdk';

let call = 'start';

function fail(where, why) {
  console.error(`FAILED: mailchannels-sdk: ${where}: ${why}`);
  process.exit(1);
}

// A reply of another shape than the lines below take for granted.
process.on('uncaughtException', (e) => fail(call, e.stack));

const env = (name) => process.env[name] || fail('start', `${name} is missing`);

/** The same value, whatever the order of an object's fields. */
const plain = (value) =>
  JSON.stringify(value, (_, v) =>
    v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
  );

function is(found, expected, what) {
  const [a, b] = [plain(found), plain(expected)];
  if (a !== b) fail(call, `${what} is ${a}, not ${b}`);
}

function holds(condition, what, found) {
  if (!condition) fail(call, `${what}: ${JSON.stringify(found)}`);
}

/** Makes a call, in which nothing may throw: the client has its errors in what it returns. */
async function asked(name, ask) {
  call = name;
  return ask().catch((e) => fail(name, `the client throws: ${e.stack}`));
}

/** Makes a call that must succeed, and bring data if the client returns such. */
async function ok(name, ask) {
  const reply = await asked(name, ask);
  if (reply.error) fail(name, `${reply.error.statusCode} ${reply.error.message}`);
  if ('success' in reply) is(reply.success, true, 'success');
  else holds(reply.data, 'there is no data', reply);
  console.log(`ok ${name}`);
  return reply.data;
}

/** Makes a call that must be refused with this status, and with words of ours behind those of the client. */
async function refused(name, status, ask) {
  const { error, ...reply } = await asked(name, ask);
  if (!error) fail(name, `it succeeds: ${JSON.stringify(reply)}`);
  holds([status].flat().includes(error.statusCode), `the status is not ${status}`, error);
  holds(/\. \S/.test(error.message), 'there are no words of the server', error);
  console.log(`ok ${name}: ${error.statusCode} ${error.message}`);
}

const url = env('POSTROOM_URL');
const client = (key) => new MailChannels(key, { baseUrl: url });
const [mine, second, foreign] = ['POSTROOM_KEY', 'POSTROOM_SECOND_KEY', 'POSTROOM_FOREIGN_KEY'].map((key) =>
  client(env(key)),
);
const nobody = client('nobody');
const [handle, small] = ['default', 'small'];
const unknown = 'unknown.example.org';
const named = (list) => list.map(({ domain }) => domain);

/** A domain in a reply, with every field that the client's types name, of the type that they name. */
function isDomain(found, name, expected = {}) {
  is(
    Object.keys(found).sort(),
    // The interface's own, and what we say of a domain's status and of its signing beside them.
    [
      'admins',
      'aliases',
      'domain',
      'downstreamAddresses',
      'reason',
      'reasons',
      'settings',
      'signing',
      'subscriptionHandle',
    ],
    'the fields',
  );
  is(found.domain, name, 'its name');
  is(typeof found.subscriptionHandle, 'string', 'the type of its subscription');
  is(typeof found.settings, 'object', 'the type of its settings');
  for (const field of ['admins', 'aliases', 'downstreamAddresses']) is(found[field], expected[field] ?? [], field);
  for (const [field, value] of Object.entries(expected.settings ?? {})) is(found.settings[field], value, field);
}

// GET /status, without a body; no key is needed.
await ok('status', () => mine.service.status());
await ok('status without a key that is known', () => nobody.service.status());
await ok('status at a base URL that ends in a slash', () =>
  new MailChannels('any', { baseUrl: `${url}/` }).service.status(),
);

// GET /subscriptions
const subscriptions = await ok('subscriptions', () => mine.service.subscriptions());
is(subscriptions.map((one) => one.handle).sort(), [handle, small], 'the handles');
for (const one of subscriptions) {
  is([typeof one.active, typeof one.activeAccountsCount], ['boolean', 'number'], 'the types');
  is([typeof one.plan.handle, typeof one.plan.name], ['string', 'string'], 'the types of its plan');
  for (const limit of one.limits)
    is([typeof limit.featureHandle, typeof limit.value], ['string', 'string'], 'the types of a limit');
}
const count = async () => (await mine.service.subscriptions()).data.find((one) => one.handle === small).activeAccountsCount;
is(await count(), 0, 'the domains of the small one');
await refused('subscriptions: unknown key', 401, () => nobody.service.subscriptions());

// POST /domains?associate-key=…&overwrite=…; the subscription is in the body.
const provision = (of, domain, more) => () => of.domains.provision({ domain, subscriptionHandle: handle, ...more });
const whole = {
  settings: { abusePolicy: 'flag', abusePolicyOverride: true, spamHeaderName: 'X-Spam', spamHeaderValue: 'yes' },
  admins: ['admin@example.net'],
  downstreamAddresses: [
    { priority: 10, weight: 40, port: 25, target: 'a.example.net.' },
    { priority: 10, weight: 10, port: 2525, target: 'b.example.net' },
  ],
  aliases: ['js-alias.example.com'],
};
isDomain(await ok('provision', provision(mine, 'js-bare.example.com')), 'js-bare.example.com');
isDomain(
  await ok('provision with everything', provision(mine, 'js-whole.example.com', whole)),
  'js-whole.example.com',
  whole,
);
isDomain(
  await ok(
    'provision: nulls',
    provision(mine, 'js-null.example.com', { admins: null, aliases: null, downstreamAddresses: null }),
  ),
  'js-null.example.com',
);
isDomain(await ok('provision: upper case', provision(mine, 'JS-Upper.Example.COM')), 'js-upper.example.com');
isDomain(await ok('provision: U-labels', provision(mine, 'bücher.example.com')), 'xn--bcher-kva.example.com');
isDomain(
  await ok('provision again', provision(mine, 'js-whole.example.com', { admins: [] })),
  'js-whole.example.com',
  whole,
);
const over = { settings: { ...whole.settings, abusePolicy: 'block' }, admins: ['other@example.net'] };
isDomain(
  await ok('provision: overwrite some', provision(mine, 'js-whole.example.com', { ...over, overwrite: true })),
  'js-whole.example.com',
  { ...whole, ...over },
);
await refused('provision: unknown key', 401, provision(nobody, 'js-none.example.com'));
await refused('provision: no name of a domain', 400, provision(mine, 'js bad'));
await refused(
  'provision: unknown subscription',
  403,
  provision(mine, 'js-none.example.com', { subscriptionHandle: 'unknown' }),
);
await refused(
  'provision: no subscription',
  [400, 403],
  provision(mine, 'js-none.example.com', { subscriptionHandle: undefined }),
);
await refused('provision: an alias', 403, provision(mine, 'js-alias.example.com'));
await refused('provision: of another account', 409, provision(foreign, 'js-bare.example.com'));
await refused(
  'provision: unknown policy',
  400,
  provision(mine, 'js-none.example.com', { settings: { abusePolicy: 'burn' } }),
);

// A subscription with two domains at most; neither an alias nor one that is there already counts.
for (const name of ['js-small-1.example.com', 'js-small-2.example.com', 'js-small-1.example.com']) {
  await ok(`provision ${name}`, provision(mine, name, { subscriptionHandle: small, aliases: [`alias.${name}`] }));
}
is(await count(), 2, 'the domains of the small one');
await refused('provision: the limit', 403, provision(mine, 'js-small-3.example.com', { subscriptionHandle: small }));

// POST /domains/batch?subscriptionHandle=…&associate-key=…&overwrite=…, each with its own outcome.
await ok('provision for another account', provision(foreign, 'js-foreign.example.com'));
const bulk = (of, domains, more) => () => of.domains.bulkProvision({ subscriptionHandle: handle, ...more }, domains);
const mixed = await ok(
  'bulkProvision',
  bulk(mine, [
    { domain: 'js-bulk-1.example.com', ...whole, aliases: [] },
    { domain: 'js-bulk-2.example.com', downstreamAddress: whole.downstreamAddresses },
    { domain: 'js-bare.example.com' },
    { domain: 'js bad' },
    { domain: 'js-foreign.example.com' },
    { domain: 'js-alias.example.com' },
  ]),
);
is(
  mixed.successes.map((one) => one.domain.domain),
  ['js-bulk-1.example.com', 'js-bulk-2.example.com', 'js-bare.example.com'],
  'successes',
);
isDomain(mixed.successes[0].domain, 'js-bulk-1.example.com', { ...whole, aliases: [] });
isDomain(mixed.successes[1].domain, 'js-bulk-2.example.com', { downstreamAddresses: whole.downstreamAddresses });
is(
  mixed.errors.map((one) => one.domain.domain),
  ['js bad', 'js-foreign.example.com', 'js-alias.example.com'],
  'errors',
);
is(
  mixed.errors.slice(0, 2).map((one) => one.code),
  [400, 409],
  'their codes',
);
for (const one of mixed.errors) is([typeof one.comment, one.domain.subscriptionHandle], ['string', handle], 'an error');
const again = await ok(
  'bulkProvision: overwrite',
  bulk(mine, [{ domain: 'js-bulk-2.example.com', admins: ['a@example.net'] }], { overwrite: true }),
);
isDomain(again.successes[0].domain, 'js-bulk-2.example.com', {
  admins: ['a@example.net'],
  downstreamAddresses: whole.downstreamAddresses,
});
await refused('bulkProvision: unknown key', 401, bulk(nobody, [{ domain: 'js-none.example.com' }]));
await refused(
  'bulkProvision: unknown subscription',
  403,
  bulk(mine, [{ domain: 'js-none.example.com' }], { subscriptionHandle: 'unknown' }),
);
await refused(
  'bulkProvision: the limit',
  403,
  bulk(mine, [{ domain: 'js-small-3.example.com' }], { subscriptionHandle: small }),
);

// GET /domains?domains=…&domains=…&limit=…&offset=…
const list = (of, options) => () => of.domains.list(options);
const all = await ok('list: 5000', list(mine, { limit: 5000 }));
is(all.total, all.domains.length, 'the total');
holds(
  !named(all.domains).some((name) => /none|small-3|foreign/.test(name)),
  'what was refused is not there',
  named(all.domains),
);
isDomain(
  all.domains.find((one) => one.domain === 'js-whole.example.com'),
  'js-whole.example.com',
  { ...whole, ...over },
);
const ten = await ok('list', list(mine));
is([ten.domains.length, ten.total], [Math.min(10, all.total), all.total], 'ten a page');
const paged = [];
for (let offset = 0; offset < all.total; offset += 3) {
  const page = await ok(`list from ${offset}`, list(mine, { limit: 3, offset }));
  is(page.total, all.total, 'the total');
  paged.push(...named(page.domains));
}
is(paged, named(all.domains), 'the pages');
is((await ok('list behind the last', list(mine, { offset: all.total }))).domains, [], 'the page');
const two = ['js-bare.example.com', 'js-whole.example.com'];
const some = await ok('list of some', list(mine, { domains: [...two, unknown, 'js-foreign.example.com'] }));
is([named(some.domains).sort(), some.total], [two, 2], 'the domains');
is((await ok('list of one', list(mine, { domains: two, limit: 1 }))).total, 2, 'the total');
is(named((await ok('list of another account', list(foreign))).domains), ['js-foreign.example.com'], 'its domains');
await refused('list: unknown key', 401, list(nobody));

// Routes of a domain: one that is another account's is as unknown as one that nobody has, and an alias is no domain.
const nowhere = [
  [unknown, 404],
  ['js-foreign.example.com', 404],
  ['js-alias.example.com', 403],
  ['js bad', 400],
];
const bare = mine.domains;
for (const [domain, status] of nowhere) {
  const entry = { listName: 'safelist', item: 'example.net' };
  await refused(`delete: ${domain}`, status, () => bare.delete(domain));
  await refused(`addListEntry: ${domain}`, status, () => bare.addListEntry(domain, entry));
  await refused(`listEntries: ${domain}`, status, () => bare.listEntries(domain, 'safelist'));
  await refused(`deleteListEntry: ${domain}`, status, () => bare.deleteListEntry(domain, entry));
  await refused(`createLoginLink: ${domain}`, status, () => bare.createLoginLink(domain));
  await refused(`setDownstreamAddress: ${domain}`, status, () => bare.setDownstreamAddress(domain, []));
  await refused(`listDownstreamAddresses: ${domain}`, status, () => bare.listDownstreamAddresses(domain));
  await refused(`updateApiKey: ${domain}`, status, () => bare.updateApiKey(domain, env('POSTROOM_KEY')));
}

// PUT and GET /domains/{domain}/downstream-address; GET with limit and offset.
const address = (n) => ({ priority: n, weight: 10, port: 25, target: `mx${n}.example.net.` });
const addresses = Array.from({ length: 10 }, (_, n) => address(n));
await ok('setDownstreamAddress', () => bare.setDownstreamAddress('js-bare.example.com', addresses));
is(
  await ok('listDownstreamAddresses', () => bare.listDownstreamAddresses('js-bare.example.com')),
  addresses,
  'the addresses',
);
is(
  await ok('listDownstreamAddresses: a page', () =>
    bare.listDownstreamAddresses('js-bare.example.com', { limit: 2, offset: 7 }),
  ),
  [address(7), address(8)],
  'the addresses',
);
await refused('setDownstreamAddress: below 0', 400, () => bare.setDownstreamAddress('js-bare.example.com', [address(-1)]));
await refused('setDownstreamAddress: no target', 400, () =>
  bare.setDownstreamAddress('js-bare.example.com', [{ ...address(1), target: undefined }]),
);
is(
  await ok('listDownstreamAddresses: as before', () => bare.listDownstreamAddresses('js-bare.example.com')),
  addresses,
  'the addresses',
);
await ok('setDownstreamAddress: none', () => bare.setDownstreamAddress('js-bare.example.com', []));
is(
  await ok('listDownstreamAddresses: none', () => bare.listDownstreamAddresses('js-bare.example.com')),
  [],
  'the addresses',
);

// GET /domains/{domain}/login-link, and POST /domains/batch/login-link with {"domains":[{"domain":…},…]}.
const { link } = await ok('createLoginLink', () => bare.createLoginLink('js-bare.example.com'));
holds(URL.canParse(link), 'it is a URL', link);
const links = await ok('bulkCreateLoginLinks', () =>
  bare.bulkCreateLoginLinks(['js-bare.example.com', ...nowhere.map(([domain]) => domain), 'js-whole.example.com']),
);
is(
  links.successes.map((one) => [one.domain, one.code]),
  [
    ['js-bare.example.com', 200],
    ['js-whole.example.com', 200],
  ],
  'successes',
);
is(
  links.errors.map((one) => [one.domain, one.code]),
  nowhere,
  'errors',
);
holds(
  links.errors.every((one) => typeof one.comment === 'string' && !one.loginLink),
  'they say why',
  links.errors,
);
const everyLink = [link, ...links.successes.map((one) => one.loginLink)];
is([everyLink.every((one) => URL.canParse(one)), new Set(everyLink).size], [true, 3], 'every link is a URL of its own');
await refused('bulkCreateLoginLinks: unknown key', 401, () => nobody.domains.bulkCreateLoginLinks(['js-bare.example.com']));

// POST …/lists/{listName} with {"item":…}, GET, and DELETE with ?item=…, at all three tiers.
await ok('users.create', () => mine.users.create('Jo+x@js-bare.example.com'));
const tiers = [
  ['the account', mine.lists, []],
  ['a domain', mine.domains, ['js-bare.example.com']],
  ['a user', mine.users, ['Jo+x@js-bare.example.com']],
];
const items = [
  ['name+tag@js.example.net', 'email_address'],
  ['js.example.net', 'domain'],
  ['.js.example.net', 'domain'],
  ['192.0.2.1', 'ip_address'],
  ['2001:db8::1', 'ip_address'],
  ['192.0.2.0/24', 'ip_address'],
];
const byItem = (list) => list.map((one) => [one.item, one.type, one.action]).sort();
for (const [tier, of, at] of tiers) {
  for (const [name, action] of [
    ['safelist', 'safelist'],
    ['blacklist', 'blocklist'],
    ['whitelist', 'safelist'],
    ['blocklist', 'blocklist'],
  ]) {
    for (const [item, type] of items) {
      const made = await ok(`${tier}: ${item} into ${name}`, () => of.addListEntry(...at, { listName: name, item }));
      is(made, { action, item, type }, 'the entry');
    }
    const listed = await ok(`${tier}: ${name}`, () => of.listEntries(...at, name));
    is(byItem(listed), items.map((item) => [...item, action]).sort(), 'the entries, each once');
  }
  for (const [item] of items) {
    await ok(`${tier}: ${item} out of blacklist`, () => of.deleteListEntry(...at, { listName: 'blacklist', item }));
  }
  is(await ok(`${tier}: an empty list`, () => of.listEntries(...at, 'blocklist')), [], 'the entries');
  is((await ok(`${tier}: the other list`, () => of.listEntries(...at, 'safelist'))).length, items.length, 'its entries');
  const gone = { listName: 'blocklist', item: 'js.example.net' };
  if (at.length === 0) await ok(`${tier}: what is not there`, () => of.deleteListEntry(gone));
  else await refused(`${tier}: what is not there`, 404, () => of.deleteListEntry(...at, gone));
  await refused(`${tier}: an item of no type`, 400, () =>
    of.addListEntry(...at, { listName: 'safelist', item: 'not an item' }),
  );
  await refused(`${tier}: unknown list`, [400, 404], () => of.listEntries(...at, 'graylist'));
}
await refused('lists: unknown key', 401, () => nobody.lists.listEntries('safelist'));
is(await ok('lists of another account', () => foreign.lists.listEntries('safelist')), [], 'its entries');

// PUT /users?email_address=…&admin=…&filter=… with {"list_entries":{"safelist":[…],"blocklist":[…]}}, or {}.
function isUser(user, email, filter, entries) {
  is([user.email.toLowerCase(), user.filter], [email.toLowerCase(), filter], 'the user');
  holds(
    Array.isArray(user.roles) && user.roles.every((role) => typeof role === 'string'),
    'the roles are texts',
    user.roles,
  );
  is(byItem(user.listEntries), entries, 'the entries');
}
const create =
  (email, options, of = mine) =>
  () =>
    of.users.create(email, options);
const entries = { safelist: ['a@js.example.net', 'js.example.net'], blocklist: ['192.0.2.7'] };
const kept = [
  ['192.0.2.7', 'ip_address', 'blocklist'],
  ['a@js.example.net', 'email_address', 'safelist'],
  ['js.example.net', 'domain', 'safelist'],
];
const user = 'user@js-bare.example.com';
isUser(await ok('users.create with entries', create(user, { filter: true, listEntries: entries })), user, true, kept);
isUser(
  await ok('users.create again', create(user, { filter: true, listEntries: { safelist: ['other.example.net'] } })),
  user,
  true,
  kept,
);
isUser(
  await ok('users.create: an administrator', create('admin@js-bare.example.com', { admin: true, filter: false })),
  'admin@js-bare.example.com',
  false,
  [],
);
isUser(
  await ok('users.create: compute', create('compute@js-bare.example.com', { filter: 'compute' })),
  'compute@js-bare.example.com',
  true,
  [],
);
isUser(
  await ok('users.create: no filter is compute', create('plain@js-bare.example.com')),
  'plain@js-bare.example.com',
  true,
  [],
);
await refused('users.create: no address', 400, create('nobody'));
await refused('users.create: unknown filter', 400, create('x@js-bare.example.com', { filter: 'maybe' }));
await refused(
  'users.create: an entry of no type',
  400,
  create('x@js-bare.example.com', { listEntries: { safelist: ['not an item'] } }),
);
await refused('users.create: unknown domain', 404, create(`x@${unknown}`));
await refused('users.create: a domain of another account', 404, create('x@js-foreign.example.com'));
await refused('users.create: at an alias', 403, create('x@js-alias.example.com'));
await refused('users.create: unknown key', 401, create(user, {}, nobody));
// A subscription with one protected address at most.
isUser(
  await ok('users.create: the last protected', create('one@js-small-1.example.com', { filter: true })),
  'one@js-small-1.example.com',
  true,
  [],
);
await refused('users.create: the limit', 403, create('two@js-small-1.example.com', { filter: true }));
isUser(
  await ok('users.create: compute at the limit', create('two@js-small-2.example.com', { filter: 'compute' })),
  'two@js-small-2.example.com',
  false,
  [],
);
// A user appears when a list first names it; until then its lists are empty.
const fresh = 'x@js-bare.example.com';
is(await ok(`users.listEntries: ${fresh}`, () => mine.users.listEntries(fresh, 'safelist')), [], 'the entries');
await refused(`users.deleteListEntry: ${fresh}`, 404, () =>
  mine.users.deleteListEntry(fresh, { listName: 'safelist', item: 'example.net' }),
);
for (const [email, status] of [
  [`x@${unknown}`, 404],
  ['x@js-foreign.example.com', 404],
  ['x@js-alias.example.com', 403],
]) {
  const entry = { listName: 'safelist', item: 'example.net' };
  await refused(`users.addListEntry: ${email}`, status, () => mine.users.addListEntry(email, entry));
  await refused(`users.listEntries: ${email}`, status, () => mine.users.listEntries(email, 'safelist'));
  await refused(`users.deleteListEntry: ${email}`, status, () => mine.users.deleteListEntry(email, entry));
}

// POST /report?report_type=… with {"messageContent":…,"smtpEnvelopeInformation":…,"sendingHostInformation":…}.
const messageContent = 'From: a@example.net\r\nTo: user@js-bare.example.com\r\nSubject: Grüße\r\n\r\n.\r\nText\r\n';
for (const type of ['false_negative', 'false_positive']) {
  await ok(`report ${type}`, () =>
    mine.service.report({
      type,
      messageContent,
      smtpEnvelopeInformation: { ehlo: 'mx.example.net', mailFrom: 'a@example.net', rcptTo: user },
      sendingHostInformation: { name: 'mx.example.net' },
    }),
  );
}
await ok('report: the message alone', () => mine.service.report({ type: 'false_positive', messageContent }));
await refused('report: no message', 400, () =>
  mine.service.report({ type: 'false_positive', messageContent: 'nothing of the kind' }),
);
await refused('report: unknown type', 400, () => mine.service.report({ type: 'true_positive', messageContent }));
await refused('report: unknown key', 401, () => nobody.service.report({ type: 'false_positive', messageContent }));

// A domain that is tied to a key, at provisioning and by PUT /domains/{domain}/api-key with {"apiKey":…}.
const tied = 'js-tied.example.com';
async function isTiedTo(key, other, how) {
  is(named((await ok(`${how}: list by its key`, list(key, { domains: [tied] }))).domains), [tied], 'the domains');
  const unseen = await ok(`${how}: list by another`, list(other, { domains: [tied] }));
  is([unseen.domains, unseen.total], [[], 0], 'the domains');
  await ok(`${how}: login link by its key`, () => key.domains.createLoginLink(tied));
  await refused(`${how}: login link by another`, 403, () => other.domains.createLoginLink(tied));
  await refused(`${how}: entry by another`, 403, () =>
    other.domains.addListEntry(tied, { listName: 'safelist', item: 'example.net' }),
  );
  await refused(`${how}: user by another`, 403, create(`x@${tied}`, {}, other));
  await refused(`${how}: provision by another`, 403, provision(other, tied));
  await refused(`${how}: taking it`, 403, () => other.domains.updateApiKey(tied, env('POSTROOM_KEY')));
  await refused(`${how}: delete by another`, 403, () => other.domains.delete(tied));
  const bulk = await ok(`${how}: bulk links by another`, () => other.domains.bulkCreateLoginLinks([tied]));
  is(
    bulk.errors.map((one) => one.code),
    [403],
    'their codes',
  );
}
await ok('provision: associateKey', provision(mine, tied, { associateKey: true }));
await isTiedTo(mine, second, 'associateKey');
await ok('updateApiKey', () => mine.domains.updateApiKey(tied, env('POSTROOM_SECOND_KEY')));
await isTiedTo(second, mine, 'updateApiKey');
await refused('updateApiKey: unknown key', [400, 403, 404], () => second.domains.updateApiKey(tied, 'unknown'));
await refused('updateApiKey: of another account', [400, 403, 404], () =>
  second.domains.updateApiKey(tied, env('POSTROOM_FOREIGN_KEY')),
);
const free = await ok('list by the second key', list(second, { limit: 5000 }));
is(free.total, all.total + 1, 'it has the free ones and its own');

// DELETE /domains/{domain}, without a body.
await refused('delete: unknown key', 401, () => nobody.domains.delete('js-bare.example.com'));
for (const { domain } of free.domains) {
  await ok(`delete ${domain}`, () => second.domains.delete(domain));
  await refused(`delete ${domain} again`, 404, () => second.domains.delete(domain));
}
is(await ok('list: nothing is left', list(mine)), { domains: [], total: 0 }, 'the domains');
is(await count(), 0, 'the domains of the small one');
await ok('provision: what was an alias', provision(mine, 'js-alias.example.com'));
