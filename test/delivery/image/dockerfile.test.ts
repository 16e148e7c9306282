import { describe, expect, test } from 'vitest';
import { variants } from '../../../tools/image/image.ts';
import { imageSettings } from './dockerfile.ts';

describe.each(variants)('the stage %s of the Dockerfile', (stage) => {
  test('runs the operator as a user that is not root, by number so that Kubernetes can tell', async () => {
    const { user, entryPoint, bundle } = await imageSettings(stage);
    expect(user).toBe('65532:65532');
    expect(entryPoint).toEqual(['node', '--disable-sigusr1', `${bundle}/sharenet-operator.js`]);
  });

  test('says what it is and under which licence', async () => {
    const { labels } = await imageSettings(stage);
    const said = ['title', 'description', 'licenses'].map((name) => `org.opencontainers.image.${name}`);
    expect(labels).toEqual(expect.arrayContaining(said));
  });
});
