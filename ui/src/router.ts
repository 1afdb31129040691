/** Every page of the application. All but `public` ones need a session; without one the login page comes first. */
import { createRouter, createWebHistory } from 'vue-router';
import DashboardView from './views/DashboardView.vue';
import { useSession } from './stores/session.js';

declare module 'vue-router' {
  interface RouteMeta { public?: boolean }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'dashboard', component: DashboardView },
    { path: '/hosts/:name', name: 'host', component: () => import('./views/HostView.vue'), props: true },
    { path: '/jobs/:id', name: 'job', component: () => import('./views/JobView.vue'), props: true },
    { path: '/manifests', name: 'manifests', component: () => import('./views/ManifestsView.vue') },
    { path: '/login', name: 'login', component: () => import('./views/LoginView.vue'), meta: { public: true } },
    { path: '/bootstrap', name: 'bootstrap', component: () => import('./views/BootstrapView.vue'), meta: { public: true } },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./views/MissingView.vue'), meta: { public: true } },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
});

router.beforeEach(async (to) => {
  if (to.meta.public) return true;
  const session = useSession();
  try {
    if (await session.ensure()) return true;
  } catch {
    return true;            // the server is away: the page opens and says so in its header
  }
  // A full load: the server sends an installation without users on to /bootstrap.
  session.lostAt(to.fullPath);
  return false;
});

// A page open since before an upgrade asks for parts that are gone: a full load brings the new page to where it was going.
router.onError((error: unknown, to) => {
  if (error instanceof Error && /dynamically imported module|Importing a module script failed|Unable to preload/.test(error.message)) location.assign(to.fullPath);
});
