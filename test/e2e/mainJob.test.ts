import { expect } from 'chai';
import type { Browser, Locator, Page } from 'playwright-core';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestAgent } from '../builders/agent.js';
import { until } from '../builders/until.js';
import { openWorld, PASSWORD, teeRestic, type World } from '../builders/world.js';
import { createAdmin, expectGoodLooks, launch, openPage, signIn } from './browser.js';

/** Every different text the second tab's main part had, as it changed: what somebody looking at it saw. */
async function recordWhatIsSeen(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    new MutationObserver(() => { const text = document.querySelector('main')?.innerText ?? ''; if (text !== seen.at(-1)) seen.push(text); }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}
const everSeen = (page: Page, pattern: RegExp): Promise<boolean> => page.evaluate((source) => (window as unknown as { seen: string[] }).seen.some((text) => new RegExp(source).test(text)), pattern.source);
const hostRow = (page: Page): Locator => page.locator('tbody tr', { hasText: 'web1' });
const inRow = (page: Page, text: string): Locator => hostRow(page).getByText(text).filter({ visible: true });
const lineNumbers = (page: Page): Promise<number[]> => page.$$eval('.log .line .n', (cells) => cells.map((cell) => Number(cell.textContent)));
const lineCount = async (page: Page): Promise<number> => Number((await page.getByRole('group', { name: 'Filter lines' }).getByRole('button', { name: /^All/ }).innerText()).replace(/\D/g, ''));

describe('the main job in Chromium: announced, accepted, ready, run, watched', function () {
  this.timeout(240_000);
  let world: World;
  let browser: Browser;
  let agent: TestAgent;
  let page: Page;
  let second: Page;
  let complaints: string[];
  let source: string;

  before(async () => {
    [browser, world] = await Promise.all([launch(), openWorld()]);
    await createAdmin(world.server.url, world.server.bootstrapToken);
    const opened = await openPage(browser);
    ({ page, complaints } = opened);
    await signIn(page, world.server.url);
    await page.getByText('No hosts yet').waitFor();
    ({ page: second } = await openPage(browser, { context: opened.context }));
    await second.goto(world.server.url);
    await second.getByText('No hosts yet').waitFor();
    await recordWhatIsSeen(second);
    source = await world.source('web1', 4 * 1024 * 1024);
  });
  after(async () => {
    await browser.close();
    await world.close();
  });

  it('shows an announcing agent with its fingerprint, without a reload (H8)', async () => {
    agent = await world.agent('web1', { restic: await teeRestic(join(world.dir, 'tee'), { chatter: 120 }) });
    const form = page.locator('main form[action^="/api/pending-hosts/"]');
    await form.waitFor();
    expect(await form.getAttribute('action')).to.match(/^\/api\/pending-hosts\/[^/]+\/accept$/);
    expect(await form.getAttribute('method')).to.equal('post');
    const fingerprint = /SHA256:[A-Za-z0-9+/]{43}/.exec(await form.innerText())?.[0];
    await until('the agent to print its fingerprint', () => agent.log().includes(fingerprint ?? 'none'));
    await second.locator('main form[action^="/api/pending-hosts/"]').waitFor();
    await expectGoodLooks(page, 'dashboard with a pending host');
  });

  it('says beside the field why a repository was not accepted, and leaves the agent pending', async () => {
    await page.fill('input[name=repo_url]', 'rest:https://someone:secret@backup.example.com/web1/');
    await page.fill('input[name=repo_password]', PASSWORD);
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.locator('form .field', { has: page.locator('input[name=repo_url]') }).getByRole('alert').waitFor();
    await page.getByRole('region', { name: 'Notifications' }).getByText('web1 was not accepted').waitFor();
    expect(await page.locator('main form[action^="/api/pending-hosts/"]').count()).to.equal(1);
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  it('becomes Online and RepositoryReady by itself after it was accepted', async () => {
    await page.fill('input[name=repo_url]', world.repositoryUrl('web1'));
    await page.fill('input[name=repo_password]', PASSWORD);
    await page.getByRole('button', { name: 'Accept' }).click();
    await inRow(page, 'Online').waitFor({ timeout: 60_000 });
    await hostRow(page).getByRole('link', { name: /^web1/ }).click();
    await page.waitForURL('**/hosts/web1');
    await page.locator('section', { hasText: 'Conditions' }).locator('li', { hasText: 'Repository ready True' }).waitFor({ timeout: 60_000 });
    await page.locator('section', { has: page.getByRole('heading', { name: 'Repository', exact: true }) }).getByText('Ready', { exact: true }).waitFor();
    await expectGoodLooks(page, 'host without groups');
  });

  it('creates a source group, with the server\'s message beside the field that is wrong', async () => {
    await page.getByRole('button', { name: 'New group' }).click();
    await page.fill('input[name=name]', 'files');
    await page.fill('textarea[name=includes]', 'not/absolute');
    await page.getByRole('button', { name: 'Create group' }).click();
    await page.getByRole('dialog').locator('.field', { has: page.locator('textarea[name=includes]') }).getByRole('alert').waitFor();
    await expectGoodLooks(page, 'dialog with a refused field');
    await page.fill('textarea[name=includes]', source);
    await page.getByRole('button', { name: 'Create group' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('#groups').getByText(source).waitFor();
  });

  it('explains a preset in words and creates the schedule (S3), with its next run (S6)', async () => {
    await page.getByRole('button', { name: 'New schedule' }).click();
    await page.getByRole('button', { name: 'Every 6 hours' }).click();
    await page.getByRole('dialog').getByText('At 23 minutes past the hour, every 6 hours').waitFor();
    await page.fill('input[name=cron]', '61 * * * *');
    await page.getByText('minute 61 is outside 0-59').waitFor();
    await page.getByRole('button', { name: 'Monthly' }).click();     // not due while this suite runs
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('section', { has: page.getByRole('heading', { name: 'Schedules' }) }).getByText(/^in \d+ (d|h)/).waitFor();
  });

  it('runs the group and streams its log; a reload in the middle shows every line once (J2)', async () => {
    await page.getByRole('button', { name: 'Run now: files' }).click();
    await page.waitForURL('**/jobs/*');
    await until('the log to stream', async () => await lineCount(page) >= 10, 30_000);
    await page.getByText('Running', { exact: true }).waitFor();
    await page.reload();
    await until('the log to be there again', async () => await lineCount(page) >= 10);
    const early = await lineCount(page);
    await until('the log to go on', async () => await lineCount(page) > early, 15_000);
    await page.locator('h1 + .chip').getByText('Succeeded').waitFor({ timeout: 60_000 });
    const stored = await world.logOf(new URL(page.url()).pathname.split('/').at(-1) ?? '');
    expect(stored.map(({ seq }) => seq)).to.deep.equal(stored.map((_, index) => index + 1));
    await until('every line to be shown', async () => await lineCount(page) === stored.length);
    const last = stored.at(-1)?.seq;
    await until('the view to follow to the last line', async () => (await lineNumbers(page)).at(-1) === last);
    await page.locator('.log').press('Home');
    await until('the first line to be in sight', async () => (await lineNumbers(page))[0] === 1);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'log.txt' }).click()]);
    expect(download.suggestedFilename()).to.match(/\.txt$/);
    await expectGoodLooks(page, 'job succeeded');
  });

  it('shows the success on the host', async () => {
    await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: 'web1' }).click();
    await page.locator('section', { has: page.getByRole('heading', { name: 'Jobs' }) }).locator('tr', { hasText: 'Backup of files' }).getByText('Succeeded').waitFor();
    await page.locator('dl', { hasText: 'Last backup' }).getByText(/Succeeded/).waitFor();
    await expectGoodLooks(page, 'host after a backup');
  });

  it('was all seen live in the second tab, which nobody touched', async () => {
    await inRow(second, 'Succeeded').waitFor();
    for (const pattern of [/Waiting for approval/, /web1[\s\S]*Online/, /web1[\s\S]*Backing up/, /web1[\s\S]*Succeeded/]) expect(await everSeen(second, pattern), String(pattern)).to.equal(true);
    expect(await second.evaluate(() => performance.getEntriesByType('navigation').length)).to.equal(1);
    await until('the size of the repository to arrive', async () => !/Size[\s\S]*unknown/.test(await hostRow(second).innerText()), 20_000);
  });

  it('is answered when it asks whether the other end is still there', async () => {
    const answer = await second.evaluate(() => new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/api/live`);
      socket.onopen = () => { socket.send(JSON.stringify({ type: 'ping', id: 'pulse' })); };
      socket.onmessage = (event) => { resolve(JSON.parse(event.data as string)); socket.close(); };
    }));
    expect(answer).to.deep.equal({ type: 'pong', id: 'pulse' });
  });

  it('shows progress while restic works, and cancels: pending until the job says so (J2, J4)', async () => {
    await world.patch('Host', 'web1', { spec: { bandwidth: { uploadKiBps: 96 } } });
    await writeFile(join(source, 'more.bin'), randomBytes(24 * 1024 * 1024));
    await page.getByText('up 96 KiB/s').waitFor();
    await until('the plan to be applied', async () => (await world.get('Host', 'web1'))?.status?.conditions?.some(({ type, status }) => type === 'Synced' && status === 'True'));
    await page.getByRole('button', { name: 'Run now: files' }).click();
    await page.waitForURL('**/jobs/*');
    await page.getByRole('progressbar', { name: 'Progress of the job' }).and(page.locator('[aria-valuenow]')).waitFor({ timeout: 30_000 });
    await page.locator('.figures').getByText(/\d+(\.\d+)? [KM]iB of \d/).waitFor();
    await expectGoodLooks(page, 'job running');
    await page.getByRole('main').getByRole('button', { name: 'Cancel' }).click();
    await page.locator('h1 + .chip').getByText('Cancelled').waitFor({ timeout: 30_000 });
    expect(await page.getByRole('main').getByRole('button', { name: /Cancel/ }).count()).to.equal(0);
    await expectGoodLooks(page, 'job cancelled');
  });

  it('says when the server is away, and is live again without a reload when it is back', async () => {
    await page.goto(world.server.url);
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
    await page.evaluate(() => { Object.assign(window, { untouched: true }); });
    const sessionOf = async (): Promise<string | undefined> => (await world.get('Host', 'web1'))?.status?.connection?.sessionID;
    const before = await sessionOf();
    await world.killServer();
    await page.getByRole('status').filter({ hasText: 'No connection' }).waitFor();
    await expectGoodLooks(page, 'dashboard while the server is away');
    await world.startServerAgain();
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor({ timeout: 60_000 });
    await inRow(page, 'Online').waitFor({ timeout: 60_000 });
    expect(await page.evaluate(() => 'untouched' in window)).to.equal(true);
    // The last known state holds for a while after a start: only a new session says that the agent itself is back.
    await until('the agent to be connected again', async () => ![undefined, before].includes(await sessionOf()), 60_000);
  });

  it('shows a host whose agent went away as offline, with the reason beside it, and refuses to run with that reason (E9)', async () => {
    await agent.stop();
    await page.getByRole('list', { name: 'Hosts in trouble' }).getByText(/Offline, last seen/).waitFor({ timeout: 60_000 });
    const run = hostRow(page).getByRole('button', { name: /Run/ });
    expect(await run.getAttribute('aria-disabled')).to.equal('true');
    await expectGoodLooks(page, 'dashboard with a host in trouble');
  });

  it('keeps filter and order in the URL (H1)', async () => {
    await page.getByRole('searchbox', { name: 'Filter hosts' }).fill('nothing like it');
    await page.getByText('No host matches').waitFor();
    expect(new URL(page.url()).searchParams.get('q')).to.equal('nothing like it');
    await page.reload();
    await page.getByText('No host matches').waitFor();
    await page.getByRole('link', { name: 'Clear the filter' }).click();
    await page.getByRole('button', { name: 'Size' }).click();
    await until('the order to be in the URL', () => new URL(page.url()).searchParams.get('sort') === '-size');
    expect(await page.locator('th[aria-sort=descending]').innerText()).to.match(/Size/);
  });

  it('had no complaint of the browser and never left its origin', () => {
    expect(complaints.filter((complaint) => !complaint.includes('WebSocket'))).to.deep.equal([]);
  });
});
