/** The page of the manifest directory: what a person sees of GitOps without a cluster, live and in words (X2 X11). */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Browser, Locator, Page } from 'playwright-core';
import { startServer, type TestServer } from '../builders/server.js';
import { createAdmin, expectGoodLooks, launch, openPage, signIn } from './browser.js';

const run = promisify(execFile);
const API = 'apiVersion: restic-manager.io/v1alpha1\n';
const fleet = `${API}kind: Host\nmetadata: {name: web1}\nspec: {displayName: Web One}\n---\n${API}kind: SourceGroup\nmetadata: {name: web1-files}\nspec: {hostRef: {name: web1}, includes: [/etc]}\n`;
const group = (name: string): string => `${API}kind: SourceGroup\nmetadata: {name: ${name}}\nspec: {hostRef: {name: web1}, includes: [/srv/${name}]}\n`;
const schedule = (cron: string): string => `${API}kind: Schedule\nmetadata: {name: nightly}\nspec: {schedule: "${cron}", sourceGroupRefs: [{name: web1-files}]}\n`;
const MANY = 7;

describe('the manifest directory in Chromium', function () {
  this.timeout(120_000);
  let dir: string;
  let checkout: string;
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  const git = async (...args: string[]): Promise<string> => (await run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', '-C', checkout, ...args])).stdout.trim();
  async function commit(files: Record<string, string | undefined>): Promise<string> {
    for (const [path, text] of Object.entries(files)) await (text === undefined ? rm(join(checkout, path)) : writeFile(join(checkout, path), text));
    await git('add', '-A');
    await git('commit', '-qm', 'a change');
    return git('rev-parse', 'HEAD');
  }
  const section = (heading: string): Locator => page.locator('section', { has: page.getByRole('heading', { name: heading, exact: true }) });

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-page-'));
    checkout = join(dir, 'fleet');
    await mkdir(checkout);
    await git('init', '-q');
    await commit({ 'fleet.yaml': fleet, 'nightly.yaml': schedule('0 2 * * *'), 'many.yaml': Array.from({ length: MANY }, (_, n) => group(`many-${String(n)}`)).join('---\n') });
    browser = await launch();
    server = await startServer({ env: { RM_MANIFESTS_DIR: checkout } });
    await createAdmin(server.url, server.bootstrapToken);
    ({ page, complaints } = await openPage(browser));
    await signIn(page, server.url);
  });
  after(async () => {
    await browser.close();
    await server.stop();
    await rm(dir, { recursive: true });
  });

  it('is found from the navigation, and says what is declared and which commit is checked out', async () => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Manifests' }).click();
    await page.getByText('Synced', { exact: true }).waitFor();
    const state = page.getByRole('region', { name: 'State' });
    await state.getByText(`${String(MANY + 3)} objects`).waitFor();
    await state.getByText(checkout, { exact: true }).waitFor();
    await state.getByText((await git('rev-parse', 'HEAD')).slice(0, 12)).waitFor();
    await expectGoodLooks(page, 'manifests synced');
  });

  it('shows a broken file by place and field as it comes, here and on the overview, and the end of it', async () => {
    const broken = await commit({ 'nightly.yaml': schedule('61 * * * *') });
    const errors = section('Errors');
    await errors.getByText('nightly.yaml').waitFor();
    for (const text of ['document 1', 'schedule.restic-manager.io/nightly', 'spec.schedule']) await errors.getByText(text, { exact: true }).waitFor();
    await errors.getByText('minute 61 is outside 0-59').waitFor();
    await page.getByRole('region', { name: 'State' }).getByText(broken.slice(0, 12)).waitFor();
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: /^Manifests.*1 error/ }).waitFor();
    await expectGoodLooks(page, 'manifests with an error');
    await page.getByRole('link', { name: 'Overview' }).first().click();
    await page.getByRole('status').filter({ hasText: '1 error in the manifests: nightly.yaml' }).waitFor();
    await commit({ 'nightly.yaml': schedule('0 3 * * *') });
    await page.getByText('1 error in the manifests').waitFor({ state: 'detached' });
  });

  it('shows on the host who declares it, and by which fields (X11)', async () => {
    await page.getByRole('link', { name: /^Web One/ }).first().click();
    await page.locator('.page-head').getByText('Declared by manifests').click();
    await page.locator('.page-head').getByText('spec.displayName').waitFor();
    await page.locator('section', { has: page.getByRole('heading', { name: 'Schedules' }) }).getByText('Declared by manifests').waitFor();
    await page.locator('#groups, section', { has: page.getByRole('heading', { name: 'Source groups' }) }).getByText('Declared by manifests').first().waitFor();
    await expectGoodLooks(page, 'host declared by manifests');
  });

  it('asks before many objects go, and removes exactly those after the word of an admin', async () => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Manifests' }).click();
    await commit({ 'many.yaml': undefined });
    const removal = section('Without a manifest');
    await removal.getByText('many-0', { exact: true }).waitFor();
    await removal.getByRole('button', { name: `Remove ${String(MANY)} objects…` }).click({ timeout: 30_000 });
    const dialog = page.getByRole('dialog');
    await expectGoodLooks(page, 'manifests removal');
    expect(await dialog.getByRole('button', { name: 'Remove' }).getAttribute('aria-disabled')).to.equal('true');
    await dialog.getByRole('textbox').fill(String(MANY));
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Synced', { exact: true }).waitFor();
    expect(await removal.count()).to.equal(0);
    await page.getByRole('region', { name: 'State' }).getByText('3 objects').waitFor();
  });

  it('says that a host stays without its manifest, and what would let it go', async () => {
    await commit({ 'fleet.yaml': fleet.split('---\n')[1] });
    const held = section('Stay without a manifest');
    await held.getByRole('link', { name: 'web1' }).waitFor({ timeout: 30_000 });
    await held.getByText('kubectl annotate host.restic-manager.io web1 restic-manager.io/prune=allowed').waitFor();
    await expectGoodLooks(page, 'manifests held');
  });

  it('had no complaint of the browser and never left its origin', () => {
    expect(complaints).to.deep.equal([]);
  });
});
