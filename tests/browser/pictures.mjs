// Makes the pictures of docs/console.
import { mkdirSync, writeFileSync } from 'node:fs';
import { domains, firstLink, open, signIn, url } from './browser.mjs';

const { OUT } = process.env;
mkdirSync(OUT, { recursive: true });
const labels = { 'bakery.example': 'Bakery', 'shop.example.org': 'Web shop', 'news.example.com': 'Newsletter' };
const browser = await open();
const context = await browser.newContext({ viewport: { width: 1200, height: 760 } });
const page = await context.newPage();
await signIn(page, firstLink);
for (const name of domains) {
  await page.goto(`${url}/console/domains`);
  await page.fill('#add-domain', name);
  await page.fill('#add-label', labels[name] ?? '');
  await page.click('#add button');
  await page.waitForURL(`**/console/domains/${name}`);
}
// Two of them have their records in the DNS.
const zone = { 'mx.example.net A': ['192.0.2.25'], 'return-path.example.net A': ['192.0.2.26'] };
for (const name of ['bakery.example', 'shop.example.org']) {
  await page.goto(`${url}/console/domains/${name}`);
  const records = await page.$$eval('article.record', (cards) => cards.map((card) => {
    const field = (label) => [...card.querySelectorAll('dt')].find((term) => term.textContent === label)?.nextElementSibling.querySelector('code')?.textContent;
    return { type: field('Type'), name: field('Whole name'), priority: field('Priority'), value: field('Value') };
  }));
  for (const record of records) zone[`${record.name} ${record.type}`] = [record.type === 'MX' ? `${record.priority} ${record.value}` : record.value];
}
writeFileSync(process.env.ZONE, JSON.stringify(zone));
for (const name of domains) {
  await page.goto(`${url}/console/domains/${name}`);
  await page.click('form[data-check] button');
  await page.waitForSelector('text=What each server said', { timeout: 60000 });
}
await page.goto(`${url}/console/domains/example.com/access`);
await page.click('text=Make a set-up link');
const handed = (await page.textContent('.secret code')).trim();
const take = async (path, name, options = {}) => {
  await page.emulateMedia({ colorScheme: options.scheme ?? 'light' });
  await page.setViewportSize({ width: options.width ?? 1200, height: options.height ?? 760 });
  await page.goto(path.startsWith('http') ? path : `${url}/console${path}`);
  await page.waitForTimeout(200);
  await page.screenshot({ path: `${OUT}/${name}.png`, ...(options.whole ? { fullPage: true } : {}) });
};
await take('', 'overview', { height: 1000 });
await take('/domains', 'domains', { scheme: 'dark' });
await take('/domains/example.com', 'domain', { height: 1250 });
await take('/domains/example.com/keys', 'keys', { height: 900 });
await take('/domains/example.com', 'narrow', { width: 390, height: 844 });
await take(`${handed}&lang=de`, 'setup', { height: 1250 });
await browser.close();
