/** Who is using this page. The cookie is not readable here, so the server is asked once, and again when it says 401. */
import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import type { Account } from '#crds/operator/operator.gen.js';
import { ApiFailure, whenUnauthorized } from '../api/client.js';
import { operator } from '../api/operator.js';

export const useSession = defineStore('session', () => {
  const account = ref<Account>();
  /** This page is on its way to the login page. */
  let leaving = false;
  const version = ref('');
  const mayOperate = computed(() => account.value?.role === 'operator' || account.value?.role === 'admin');

  whenUnauthorized(() => { lost(); });

  /** True when there is a session; asks the server only the first time. @throws ApiFailure when it cannot be asked. */
  async function ensure(): Promise<boolean> {
    if (account.value) return true;
    try {
      account.value = await operator.account();
      return true;
    } catch (failure) {
      if (failure instanceof ApiFailure && failure.status === 401) return false;
      throw failure;
    }
  }

  /** Asks anew, for a link that was refused. A server that is merely away has not ended the session. */
  async function stillGood(): Promise<boolean> {
    try {
      account.value = await operator.account();
      return true;
    } catch (failure) {
      return !(failure instanceof ApiFailure && failure.status === 401);
    }
  }

  /** The session is over: a full load, so that nothing of it stays in memory, and the server decides between login and bootstrap. */
  function lost(): void {
    lostAt(location.pathname + location.search);
  }
  function lostAt(path: string): void {
    if (leaving || location.pathname === '/login') return;
    leaving = true;
    location.replace(path === '/' ? '/login' : `/login?next=${encodeURIComponent(path)}`);
  }

  async function login(username: string, password: string): Promise<void> {
    await operator.login({ username, password });
    account.value = await operator.account();
  }

  async function logout(): Promise<void> {
    leaving = true;          // the server closes the live socket too: that is no surprise
    try {
      await operator.logout();
      location.replace('/login');
    } catch (failure) {
      leaving = false;
      throw failure;
    }
  }

  async function loadVersion(): Promise<void> {
    try {
      version.value = (await operator.version()).version;
    } catch {
      version.value = '';
    }
  }

  return { account, version, mayOperate, ensure, stillGood, lost, lostAt, login, logout, loadVersion };
});
