/** Chromium for the e2e suites: a fresh profile each, the page built when it is not, and the checks every page must pass. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { expect } from 'chai';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { ensureChromium } from '../../hack/testing/chromium.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const PHONE = { width: 375, height: 812 };
export const ADMIN = { username: 'anna', password: 'correct horse battery' };

/** @throws Error naming what is missing and the fix */
export async function launch(): Promise<Browser> {
  const executablePath = await ensureChromium(false);
  await buildPage();
  return chromium.launch({ executablePath, args });
}

/** Builds dist/ui when it is missing or older than its sources. */
async function buildPage(): Promise<void> {
  const index = join(root, 'dist/ui/index.html');
  const built = existsSync(index) ? (await stat(index)).mtimeMs : 0;
  if (await newest(join(root, 'ui')) <= built) return;
  // A process of its own: inside a test runner with loaders Vite drops the style sheets of lazy parts.
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'node_modules/vite/bin/vite.js'), 'build', 'ui', '--logLevel', 'error'], { cwd: root, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' } });
  if (status !== 0) throw new Error(`the page was not built:\n${stderr}`);
}

async function newest(directory: string): Promise<number> {
  const times = await Promise.all((await readdir(directory, { withFileTypes: true })).map(async (entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? newest(path) : (await stat(path)).mtimeMs;
  }));
  return Math.max(0, ...times);
}

/** A page whose complaints (console errors, uncaught errors, refused requests of other origins) are kept. */
export interface WatchedPage { page: Page; context: BrowserContext; complaints: string[] }

export async function openPage(browser: Browser, options: { theme?: 'dark' | 'light'; context?: BrowserContext } = {}): Promise<WatchedPage> {
  const context = options.context ?? await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: options.theme ?? 'dark', reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => { complaints.push(`uncaught: ${error.message}`); });
  page.on('console', (message) => {
    // Chromium reports every 4xx answer as an error of its own; what the page makes of it is what is tested.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (/^(https?|wss?):$/.test(protocol) && page.url().startsWith('http') && host !== new URL(page.url()).host) complaints.push(`left the origin: ${request.url()}`);
  });
  return { page, context, complaints };
}

/** No serious or critical violation of WCAG 2.2 A and AA, and no sideways scrolling. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary ?? ''}`).join(' | ')}`), `accessibility of ${what}`).to.deep.equal([]);
}

export async function expectNoSidewaysScroll(page: Page, what: string): Promise<void> {
  const tooWide = await page.evaluate(() => (document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] : [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((element) => `${element.tagName}.${element.className.toString()} ${(element.textContent ?? '').slice(0, 60)}`).slice(0, 8)));
  expect(tooWide, `${what} is wider than its window`).to.deep.equal([]);
}

/** Both themes at full width, then a phone; leaves the page as it was. */
export async function expectGoodLooks(page: Page, what: string): Promise<void> {
  const size = page.viewportSize();
  const before = await page.evaluate(() => document.documentElement.dataset['theme']);
  for (const theme of ['dark', 'light']) {
    await setTheme(page, theme);
    await shoot(page, `${what}, ${theme}`);
    await expectAccessible(page, `${what}, ${theme}`);
  }
  await page.setViewportSize(PHONE);
  await shoot(page, `${what}, phone`);
  await expectNoSidewaysScroll(page, `${what} at 375 px`);
  await expectAccessible(page, `${what} at 375 px`);
  await setTheme(page, before ?? 'dark');
  if (size) await page.setViewportSize(size);
}

/** For people who want to look: RM_SHOTS names the directory for pictures of everything that is tested for its looks. */
async function shoot(page: Page, what: string): Promise<void> {
  const directory = process.env['RM_SHOTS'];
  if (directory) await page.screenshot({ path: join(directory, `${what.replaceAll(/[^a-z0-9]+/gi, '-')}.png`), fullPage: true });
}

/** Resolves when the colours on the screen are the theme's: after its transitions. */
async function setTheme(page: Page, theme: string): Promise<void> {
  await page.evaluate(async (name) => {
    document.documentElement.dataset['theme'] = name;
    await new Promise((resolve) => { requestAnimationFrame(() => { requestAnimationFrame(resolve); }); });
    await Promise.all(document.getAnimations().filter((animation) => animation instanceof CSSTransition).map((animation) => animation.finished.catch(() => undefined)));
  }, theme);
}

export async function signIn(page: Page, url: string, { username, password } = ADMIN): Promise<void> {
  await page.goto(`${url}/login`);
  await page.fill('#login-username', username);
  await page.fill('#login-password', password);
  await page.click('form[action="/login"] [type=submit]');
}

/** Creates the first user over /api, for suites that are not about it. */
export async function createAdmin(url: string, token: string | undefined): Promise<void> {
  const response = await fetch(`${url}/api/bootstrap`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token, ...ADMIN }) });
  if (!response.ok) throw new Error(`the first user was not created: ${String(response.status)} ${await response.text()}`);
}
