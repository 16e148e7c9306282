import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';
import { breakNames } from '../breakable-names.ts';
import { headingSlug } from '../heading-slug.ts';
import { navigation, topBar } from '../navigation.ts';
import { linkSources, tellWhatIsNotRun } from '../source-links.ts';

const docs = join(import.meta.dirname, '../..');

/** Web address of the repository, such as https://git.example/sharenet; links to files of it are plain text without. */
const repository = process.env.SHARENET_REPOSITORY_URL?.replace(/\/+$/, '');

/** Path under which the site is served. */
const base = process.env.SHARENET_DOCS_BASE ?? '/';

/** Pages that are there: a page of another release may be missing. */
const sidebar = navigation.map(({ text, items }) => ({
  text,
  collapsed: false,
  items: items.filter(({ link }) => existsSync(join(docs, `${link.endsWith('/') ? `${link}index` : link}.md`))),
}));

export default defineConfig({
  title: 'Sharenet',
  description: 'Share networks, security services, share servers and access rules as Kubernetes resources',
  lang: 'en',
  // No picture: else browsers ask for one that is not there.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  base,
  srcDir: '..',
  srcExclude: ['site/**'],
  // tools/docs/site.ts follows all links of what was built, also to headings.
  ignoreDeadLinks: true,
  lastUpdated: false,
  markdown: {
    anchor: { slugify: headingSlug },
    config: (markdown) => {
      linkSources(markdown, repository);
      tellWhatIsNotRun(markdown);
      breakNames(markdown);
    },
  },
  vite: {
    plugins: [
      {
        // The pages lie outside of the folder with the packages, and would not find this one when they are rendered.
        name: 'vue-of-the-site',
        enforce: 'pre',
        resolveId: (id, _importer, { ssr }) =>
          ssr === true && /^vue(\/server-renderer)?$/.test(id) ? { id, external: true } : undefined,
      },
    ],
  },
  themeConfig: {
    nav: [...topBar],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: 'Before', next: 'Next' },
    footer: { message: 'Apache-2.0' },
    ...(repository === undefined ? {} : { editLink: { pattern: `${repository}/edit/main/docs/:path` } }),
  },
});
