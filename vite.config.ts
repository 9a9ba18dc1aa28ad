import { defineConfig, type CSSOptions } from 'vite';

/** client/main.ts and what it imports, under names with a hash, to dist/client/assets; client/public as it is; and a manifest. */
export default defineConfig({
  root: 'client',
  css: { postcss: { plugins: [followSystemTheme()] } },
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    // The style sheet brings its icons along. The content security policy allows no data: addresses for fonts and scripts.
    assetsInlineLimit: (path) => path.endsWith('.svg'),
    manifest: true,
    modulePreload: { polyfill: false },
    target: 'baseline-widely-available',
    rolldownOptions: { input: 'client/main.ts' },
  },
});

type PostcssPlugin = NonNullable<Exclude<CSSOptions['postcss'], string | undefined>['plugins']>[number];

/** Repeats each rule of the dark theme for visitors whose system is dark, so that data-bs-theme="auto" follows it without a script. */
function followSystemTheme(): PostcssPlugin {
  const dark = /\[data-bs-theme=(["']?)dark\1\]/;
  return {
    postcssPlugin: 'follow-system-theme',
    OnceExit(root, { AtRule }) {
      root.walkRules(dark, (rule) => {
        const selectors = rule.selectors.filter((selector) => dark.test(selector));
        const media = new AtRule({ name: 'media', params: '(prefers-color-scheme: dark)' });
        media.append(
          rule.clone({ selectors: selectors.map((selector) => selector.replace(dark, '[data-bs-theme=auto]')) }),
        );
        rule.after(media);
      });
    },
  };
}
