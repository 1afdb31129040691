import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { toolPath } from '../../hack/tools/paths.js';
import type { TestAgent } from '../builders/agent.js';
import { until } from '../builders/until.js';
import { openWorld, PASSWORD, type World } from '../builders/world.js';
import { createAdmin, expectGoodLooks, launch, openPage, signIn } from './browser.js';

/** Its name is a pattern for restic; only itself must come back. */
const REPORT = 'report[1].txt';

describe('restic\'s operations in Chromium: started from the host\'s page, followed on the job\'s', function () {
  this.timeout(240_000);
  let world: World;
  let browser: Browser;
  let agent: TestAgent;
  let page: Page;
  let complaints: string[];
  let source: string;

  before(async () => {
    [browser, world] = await Promise.all([launch(), openWorld()]);
    await createAdmin(world.server.url, world.server.bootstrapToken);
    source = await world.source('web1');
    await writeFile(join(source, REPORT), 'what was paid\n');
    await writeFile(join(source, 'report1.txt'), 'matches the pattern, was not chosen\n');
    agent = await world.agent('web1', { token: await world.mintToken('web1', [source]) });
    ({ page, complaints } = await openPage(browser));
    await Promise.all([signIn(page, world.server.url).then(() => page.getByRole('navigation', { name: 'Main' }).waitFor()), world.ready('web1', 60_000)]);
    await toHost();
  });
  after(async () => {
    await browser.close();
    await world.close();
  });

  const toHost = async (): Promise<void> => { await page.goto(`${world.server.url}/hosts/web1`); await page.getByRole('heading', { name: 'web1', level: 1 }).waitFor(); };
  const card = (title: string): Locator => page.locator('section.card', { has: page.getByRole('heading', { name: title, exact: true }) });
  const rows = (): Locator => card('Snapshots').locator('tbody tr');
  const dialog = (): Locator => page.getByRole('dialog');
  const button = (name: string | RegExp, within: Locator | Page = page): Locator => within.getByRole('button', { name });
  const fieldOf = (input: string): Locator => dialog().locator('.field', { has: page.locator(`[name=${input}]`) });
  const figure = async (label: string): Promise<string> => page.locator('.figures > div', { has: page.getByText(label, { exact: true }) }).locator('dd').innerText();
  const backUp = async (): Promise<void> => { expect((await world.ended(await world.runNow('web1'))).status).to.include({ phase: 'Succeeded' }); };
  /** On the page of the job that was just started: its end. */
  async function ends(result: 'Succeeded' | 'Failed'): Promise<void> {
    await page.waitForURL('**/jobs/*');
    await page.locator('h1 + .chip').getByText(result).waitFor({ timeout: 60_000 });
    await page.getByRole('region', { name: 'Result' }).waitFor();
  }
  const refusalOf = async (name: RegExp): Promise<string> => {
    const it = button(name, card('Repository'));
    return await it.getAttribute('aria-disabled') === 'true' ? await it.getAttribute('title') ?? '' : '';
  };

  it('lists each snapshot when its backup is over, without a reload, and says as of when (R1, E15)', async () => {
    await card('Snapshots').getByText('No snapshots yet').waitFor();
    await page.evaluate(() => { Object.assign(window, { untouched: true }); });
    await backUp();
    await until('the first snapshot to be listed', async () => await rows().count() === 1, 30_000);
    await appendFile(join(source, 'hello.txt'), 'and again\n');
    await writeFile(join(source, 'deep', 'second.txt'), 'new since the first');
    await backUp();
    await until('the second snapshot to be listed', async () => await rows().count() === 2, 30_000);
    expect(await page.evaluate(() => 'untouched' in window)).to.equal(true);
    await card('Snapshots').getByText(/as reported/).waitFor();
    await expectGoodLooks(page, 'host with snapshots');
  });

  it('finds the snapshots that hold a path, and those until a day (R1)', async () => {
    const path = card('Snapshots').getByRole('textbox', { name: 'Snapshots that hold this path' });
    const look = async (text: string): Promise<void> => { await path.fill(text); await path.press('Enter'); };
    await look('/nowhere');
    await card('Snapshots').getByText('No such snapshots').waitFor();
    await look(join(source, 'hello.txt'));
    await until('both to be listed', async () => await rows().count() === 2);
    const day = card('Snapshots').getByLabel('Taken on this day or before');
    await day.fill('2020-01-01');
    await day.blur();
    await card('Snapshots').getByText('No such snapshots').waitFor();
    await expectGoodLooks(page, 'host with snapshots looked for in vain');
    await day.fill('');
    await day.blur();
    await look('');
    await until('all to be listed', async () => await rows().count() === 2);
  });

  it('compares two and shows what differs (R2)', async () => {
    expect(await button('Compare', card('Snapshots')).getAttribute('aria-disabled')).to.equal('true');
    for (const box of await rows().getByRole('checkbox').all()) await box.check();
    await button('Compare', card('Snapshots')).click();
    await ends('Succeeded');
    await page.getByRole('heading', { name: /^Difference of [0-9a-f]{8} and [0-9a-f]{8}$/ }).waitFor();
    expect([await figure('Only in the newer'), await figure('Only in the older'), await figure('Changed')]).to.deep.equal(['1', '0', '1']);
  });

  it('restores one chosen file byte for byte, after a target the server refuses was said beside its field (R3, E11)', async () => {
    await toHost();
    await button(/^Restore/, rows().first()).click();
    for (const part of source.split('/').filter(Boolean)) await button(`${part}/`, dialog()).click();
    await dialog().getByRole('checkbox', { name: `Restore ${REPORT}` }).check();
    await dialog().getByText('1 path chosen').waitFor();
    await dialog().locator('[name=target_directory]').fill('not/absolute');
    await button('Restore', dialog().locator('.do')).click();
    await fieldOf('target_directory').getByRole('alert').waitFor();
    await expectGoodLooks(page, 'restore dialog with a refused directory');
    const target = join(world.dir, 'back');
    await dialog().locator('[name=target_directory]').fill(target);
    await button('Restore', dialog().locator('.do')).click();
    await ends('Succeeded');
    const restored = join(target, source);
    expect(await readdir(restored)).to.deep.equal([REPORT]);
    expect(await readFile(join(restored, REPORT))).to.deep.equal(await readFile(join(source, REPORT)));
    expect(await figure('Restored to')).to.contain(target);
    expect(await figure('Restored data')).to.equal('14 B');
    await expectGoodLooks(page, 'restore finished');
  });

  it('restores in place only once the name of the host was typed (E11)', async () => {
    await toHost();
    await writeFile(join(source, REPORT), 'spoilt');
    await button(/^Restore/, rows().last()).click();
    for (const part of source.split('/').filter(Boolean)) await button(`${part}/`, dialog()).click();
    await dialog().getByRole('checkbox', { name: `Restore ${REPORT}` }).check();
    await dialog().getByRole('radio', { name: /^In place/ }).check();
    await dialog().locator('[name=overwrite]').selectOption('always');
    const restore = button(/^Restore/, dialog().locator('.do'));
    for (const typed of ['', 'web2']) {
      await dialog().locator('[name=confirm_host_name]').fill(typed);
      expect(await restore.getAttribute('aria-disabled'), typed).to.equal('true');
      await dialog().locator('[name=confirm_host_name]').press('Enter');
    }
    await expectGoodLooks(page, 'restore dialog in place');
    expect((await world.list('ResticJob')).filter(({ spec }) => spec.restore?.inPlace)).to.deep.equal([]);
    await dialog().locator('[name=confirm_host_name]').fill('web1');
    await restore.click();
    // These files are below a directory that everybody may write to: restoring there could be led elsewhere.
    await ends('Failed');
    await page.getByText(/^Target refused\. .*may be written by others/).waitFor();
    await page.getByText(/Restore into a directory of its own/).waitFor();
    expect(await readFile(join(source, REPORT), 'utf8')).to.equal('spoilt');
  });

  it('checks as much of the data as was asked', async () => {
    await toHost();
    await button('Check…', card('Repository')).click();
    await dialog().locator('[name=percent]').waitFor();
    await expectGoodLooks(page, 'check dialog');
    await dialog().locator('[name=percent]').fill('5');
    await button('Check', dialog().locator('.do')).click();
    await ends('Succeeded');
    expect(await figure('Errors found')).to.equal('0');
    await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: 'web1' }).click();
    await card('Repository').getByText('Last check').waitFor();
  });

  it('deletes only when an account may: refused with the reason, and allowed where the everyday credential can (E16, E34)', async () => {
    await card('Repository').getByText('the everyday credential can delete').waitFor({ timeout: 30_000 });
    expect((await world.patch('Repository', 'web1', { status: { observed: { deletionProtection: 'Enforced' } } }, 'status')).status).to.equal(200);
    await card('Repository').getByText(/refused to backups/).waitFor();
    for (const name of [/^Forget…/, /^Prune…/]) expect(await refusalOf(name)).to.match(/adminCredentialsSecretRef/);
    expect((await world.call('POST', '/api/hosts/web1/repo/prune', {})).body).to.include({ code: 'admin_creds_required' });
    await world.patch('Repository', 'web1', { status: { observed: { deletionProtection: 'NotEnforced' } } }, 'status');
    await until('prune to be possible', async () => await refusalOf(/^Prune…/) === '');
    await button('Prune…', card('Repository')).click();
    expect(await dialog().getByRole('checkbox', { name: /^Dry run/ }).isChecked()).to.equal(true);
    await button('Start dry run', dialog()).click();
    await ends('Succeeded');
    await page.getByRole('heading', { name: 'Prune of the repository (dry run)' }).waitFor();
    await toHost();
    await button('Prune…', card('Repository')).click();
    await dialog().getByRole('checkbox', { name: /^Dry run/ }).uncheck();
    await button('Prune', dialog().locator('.do')).click();
    await ends('Succeeded');
  });

  it('shows whose lock it is and since when, and removes it on request (R6)', async () => {
    const child = spawn(toolPath('restic'), ['-r', world.repositoryUrl('web1'), 'backup', '--stdin'], { env: { PATH: process.env['PATH'] ?? '', HOME: world.dir, RESTIC_PASSWORD: PASSWORD }, stdio: ['pipe', 'ignore', 'ignore'] });
    const locks = join(world.repositoryUrl('web1'), 'locks');
    await until('the lock to be there', async () => (await readdir(locks)).some((name) => /^[0-9a-f]{64}$/.test(name)), 30_000);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await toHost();
    await button('Open and measure', card('Repository')).click();
    await ends('Succeeded');
    await toHost();
    const banner = card('Repository').getByRole('status').filter({ hasText: 'Locked' });
    await banner.getByText(new RegExp(`${hostname()}, process ${String(child.pid)}`)).waitFor({ timeout: 30_000 });
    await expectGoodLooks(page, 'host with a lock');
    await button('Unlock', banner).click();
    await ends('Succeeded');
    expect(await figure('Locks removed')).to.equal('1');
    expect(await readdir(locks)).to.deep.equal([]);
    await toHost();
    await banner.waitFor({ state: 'detached', timeout: 30_000 });
  });

  it('says what a forget would remove, holds one that removes too much, and carries it out once approved (X6)', async () => {
    await backUp();
    const [group] = await world.list('SourceGroup');
    expect((await world.patch('SourceGroup', group?.metadata.name ?? '', { spec: { retention: { keepLast: 1 } } })).status).to.equal(200);
    expect((await world.patch('Repository', 'web1', { spec: { retentionGuard: { keepWithinFloor: '0d' } } })).status).to.equal(200);
    await button('Forget…', card('Repository')).click();
    await button('Start dry run', dialog()).click();
    await ends('Succeeded');
    await page.getByText('dry run: 0 of 3 snapshots would be removed; 2 would wait for approval').waitFor();
    await toHost();
    await button('Forget…', card('Repository')).click();
    await dialog().getByRole('checkbox', { name: /^Dry run/ }).uncheck();
    await button('Forget snapshots', dialog()).click();
    await ends('Failed');
    await toHost();
    await until('the notice', async () => await rows().count() === 3);
    const notice = card('Repository').getByRole('status').filter({ hasText: 'waits for approval' });
    await notice.getByText('Retention would remove 2 of 3 snapshots').waitFor({ timeout: 30_000 });
    await expectGoodLooks(page, 'host with a held forget');
    await notice.getByRole('link', { name: 'Look at what would go' }).waitFor();
    await button('Approve', notice).click();
    await notice.waitFor({ state: 'detached', timeout: 60_000 });
    await until('the list to shrink by itself', async () => await rows().count() === 1, 30_000);
  });

  it('greys out with the reason what an absent host cannot do (E9)', async () => {
    await agent.stop();
    await page.getByText(/Offline/).first().waitFor({ timeout: 60_000 });
    await until('the repository actions to be refused', async () => (await refusalOf(/^Check…/)) !== '');
    for (const name of [/^Forget…/, /^Prune…/, /^Check…/]) expect(await refusalOf(name)).to.match(/not connected|offline/i);
    expect(await button(/^Restore/, rows().first()).getAttribute('aria-disabled')).to.equal('true');
    await card('Snapshots').getByText(/there may be newer ones/).waitFor();
    await expectGoodLooks(page, 'host offline with snapshots');
  });

  it('had no complaint of the browser and never left its origin', () => {
    expect(complaints.filter((complaint) => !complaint.includes('WebSocket'))).to.deep.equal([]);
  });
});
