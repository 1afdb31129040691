/** Builds the page into dist/ui: hashed assets, nothing inlined (the content security policy has no unsafe-inline and no data: scripts). */
import { fileURLToPath } from 'node:url';
import tailwind from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
const crds = fileURLToPath(new URL('../crds', import.meta.url));
const server = process.env['RM_DEV_SERVER'] ?? 'http://localhost:8080';

export default defineConfig({
  root,
  plugins: [vue(), tailwind()],
  // #crds/* is taken from its source, as everywhere else in the tree; by alias and not by the condition "source", because
  // some packages publish uncompiled sources of their own under that name.
  resolve: { alias: [{ find: /^#crds\/(.*)\.js$/, replacement: `${crds}/$1.ts` }] },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  build: {
    outDir: fileURLToPath(new URL('../dist/ui', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': { target: server, ws: true }, '/healthz': server } },
});
