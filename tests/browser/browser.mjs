// What the checks and the pictures share: the browser, the server's commands, and some domains to look at.
import { execFileSync } from 'node:child_process';
import { setDefaultResultOrder } from 'node:dns';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

// The server listens at 127.0.0.1 alone, and `localhost` can be ::1 as well.
setDefaultResultOrder('ipv4first');

const { SITE_URL, LINK, BINARY, SITE } = process.env;
export const url = SITE_URL;
export const firstLink = LINK;

export const postroom = (...args) => execFileSync(BINARY, args, { cwd: SITE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
export const link = (...to) => postroom('login-link', ...to);

export const open = () => {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (!executablePath) throw new Error('missing: Chromium (Debian: chromium)');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
};

export const domains = ['bakery.example', 'example.com', 'news.example.com', 'shop.example.org', 'xn--bcher-kva.example'];

export const signIn = async (page, address) => {
  await page.goto(address);
  await page.click('main button');
  await page.waitForURL((now) => !now.pathname.endsWith('/login'));
};
