/** A page in the navigation: its title there, and its path below docs/ without `.md`. */
export interface NavigationPage {
  readonly text: string;
  readonly link: `/${string}`;
}

/** A heading of the navigation with its pages. */
export interface NavigationGroup {
  readonly text: string;
  readonly items: readonly NavigationPage[];
}

/** Every page of the site but its front page, in reading order. A page that is missing here fails the tests. */
export const navigation: readonly NavigationGroup[] = [
  {
    text: 'Begin',
    items: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'Concepts', link: '/concepts' },
      { text: 'Coming from Manila', link: '/manila' },
      { text: 'Comparison with other projects', link: '/comparison' },
      { text: 'Glossary', link: '/glossary' },
    ],
  },
  {
    text: 'Tutorials',
    items: [
      { text: 'Change the directory of a network in use', link: '/tutorials/change-directory' },
      { text: 'Access keys', link: '/tutorials/access-keys' },
      { text: 'Access keys on Ceph', link: '/tutorials/ceph' },
      { text: 'Active Directory with Samba', link: '/tutorials/samba' },
    ],
  },
  {
    text: 'For tenants',
    items: [
      { text: 'Networks, shares, access', link: '/tenants' },
      { text: 'kubectl sharenet', link: '/kubectl-plugin' },
      { text: 'GitOps', link: '/gitops' },
    ],
  },
  {
    text: 'For administrators',
    items: [
      { text: 'Supported versions', link: '/support' },
      { text: 'Install, upgrade, uninstall', link: '/install' },
      { text: 'Values of the Helm chart', link: '/chart-values' },
      { text: 'Kustomize and network policies', link: '/kustomize' },
      { text: 'The image', link: '/image' },
      { text: 'Verify a release', link: '/verify' },
      { text: 'Administration', link: '/administrators' },
      { text: 'CephFS', link: '/cephfs' },
      { text: 'Samba', link: '/samba' },
      { text: 'The dummy driver', link: '/dummy' },
      { text: 'Runbook: changing a domain', link: '/domain-change' },
      { text: 'Backup and restore', link: '/backup' },
      { text: 'Threat model', link: '/threat-model' },
    ],
  },
  {
    text: 'When something is wrong',
    items: [
      { text: 'Troubleshooting by symptom', link: '/troubleshooting' },
      { text: 'Failure modes', link: '/failure-modes' },
      { text: 'Alerts', link: '/alerts' },
      { text: 'Metrics', link: '/metrics' },
      { text: 'Logs', link: '/logs' },
    ],
  },
  {
    text: 'Reference',
    items: [
      { text: 'Fields of all kinds', link: '/api-reference' },
      { text: 'Conditions, reasons, codes', link: '/conditions' },
      { text: 'Limits and figures', link: '/limits' },
    ],
  },
  {
    text: 'For authors',
    items: [
      { text: 'Writing a driver', link: '/driver-authors' },
      { text: 'The driver kit', link: '/driver-kit' },
      { text: 'Architecture of the code', link: '/architecture' },
      { text: 'Contributing', link: '/contributing' },
      { text: 'Releasing', link: '/releasing' },
      { text: 'Decisions', link: '/decisions/' },
    ],
  },
];

/** Shown in the bar at the top. */
export const topBar: readonly NavigationPage[] = [
  { text: 'Quick start', link: '/quick-start' },
  { text: 'Tutorials', link: '/tutorials/change-directory' },
  { text: 'Troubleshooting', link: '/troubleshooting' },
  { text: 'Reference', link: '/api-reference' },
];
