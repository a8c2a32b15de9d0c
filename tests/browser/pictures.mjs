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
await take('', 'overview');
await take('/domains', 'domains', { scheme: 'dark' });
await take('/domains/example.com', 'domain', { height: 1250 });
await take('/domains/example.com/keys', 'keys', { height: 900 });
await take('/domains/example.com', 'narrow', { width: 390, height: 844 });
await take(`${handed}&lang=de`, 'setup', { height: 1250 });
await browser.close();
