import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { startServer, type TestServer } from '../builders/server.js';
import { ADMIN, expectGoodLooks, launch, openPage, signIn } from './browser.js';

describe('first user and sign-in in Chromium', function () {
  this.timeout(120_000);
  let server: TestServer;
  let browser: Browser;
  before(async () => {
    [browser, server] = await Promise.all([launch(), startServer()]);
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  it('leads an installation without users from / to the form that carries the token (E20)', async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(server.url);
    await page.waitForURL('**/bootstrap**');
    expect(await page.inputValue('input[name=token]')).to.equal(server.bootstrapToken);
    await expectGoodLooks(page, 'bootstrap');
    expect(complaints).to.deep.equal([]);
    await page.context().close();
  });

  it('says beside the field that a password is too short or the token wrong, and creates nobody', async () => {
    const { page } = await openPage(browser);
    await page.goto(`${server.url}/bootstrap?token=wrong-token`);
    await page.fill('input[name=token]', 'wrong-token');
    await page.fill('input[name=username]', ADMIN.username);
    await page.fill('input[name=password]', 'short');
    await page.click('button[type=submit]');
    await page.getByText('The password needs at least 12 characters.').waitFor();
    await page.fill('input[name=password]', ADMIN.password);
    await page.click('button[type=submit]');
    await page.getByRole('alert').filter({ hasText: 'token' }).waitFor();
    expect(new URL(page.url()).pathname).to.equal('/bootstrap');
    await page.context().close();
  });

  it('creates the first user and is signed in on the overview', async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${server.url}/bootstrap?token=${server.bootstrapToken ?? ''}`);
    await page.fill('input[name=username]', ADMIN.username);
    await page.fill('input[name=password]', ADMIN.password);
    await page.click('button[type=submit]');
    await page.waitForURL(`${server.url}/`);
    await page.getByText('No hosts yet').waitFor();
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
    await expectGoodLooks(page, 'dashboard without hosts');
    expect(complaints).to.deep.equal([]);
    await page.context().close();
  });

  it('asks for the password afterwards and says when it is wrong, not which part', async () => {
    const { page } = await openPage(browser);
    await page.goto(server.url);
    await page.waitForURL('**/login');
    expect(await page.locator('form[action="/login"]').getAttribute('method')).to.equal('post');
    await expectGoodLooks(page, 'login');
    const messages: string[] = [];
    for (const attempt of [{ username: ADMIN.username, password: 'not the password' }, { username: 'nobody', password: 'not the password' }]) {
      await signIn(page, server.url, attempt);
      messages.push(await page.getByRole('alert').innerText());
      expect(new URL(page.url()).pathname).to.equal('/login');
    }
    expect(messages[0]).to.equal(messages[1]);
    expect(messages[0]).to.match(/wrong|not|password/i);
    await signIn(page, server.url);
    await page.waitForURL(`${server.url}/`);
    const cookie = (await page.context().cookies()).find(({ name }) => name === 'rm_session');
    expect(cookie).to.include({ httpOnly: true, sameSite: 'Lax' });
    await page.context().close();
  });

  it('returns to the page that asked for the sign-in, and signs out everywhere in the browser', async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${server.url}/hosts/nowhere`);
    await page.waitForURL('**/login?next=**');
    await page.fill('#login-username', ADMIN.username);
    await page.fill('#login-password', ADMIN.password);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/hosts/nowhere');
    await page.getByText('No host called nowhere').waitFor();
    const other = await context.newPage();
    await other.goto(server.url);
    await other.getByRole('status').filter({ hasText: 'Live' }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).first().click();
    await page.waitForURL('**/login');
    await other.waitForURL('**/login');
    await context.close();
  });

  it('serves a page without inline script, keeps hashed assets for ever and the page itself never', async () => {
    const response = await fetch(`${server.url}/hosts/any`);
    const html = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).to.match(/script-src 'self'(;|$)/);
    expect(html).not.to.match(/<script(?![^>]*\bsrc=)[^>]*>/);
    expect(response.headers.get('cache-control')).to.match(/no-cache|no-store/);
    const asset = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] ?? '';
    const served = await fetch(server.url + asset);
    expect(served.headers.get('cache-control')).to.match(/immutable/);
  });
});
