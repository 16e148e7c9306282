import { expect, test } from 'vitest';
import { z } from 'zod';
import { checkAnswer, jsonOf } from './answers.ts';

const schema = z.object({ user: z.object({ key: z.string() }) });

test('an answer of the expected form is read', () => {
  expect(checkAnswer(schema, jsonOf('{"user": {"key": "a"}, "more": 1}'), 'the answer')).toEqual({
    user: { key: 'a' },
  });
});

test.each([
  ['another form', '{"user": {"key": 7, "secret": "s3cret"}}', 'user.key'],
  ['no JSON', 's3cret', '(all)'],
])('%s is an error that names the field and quotes nothing', (_, text, field) => {
  const check = (): unknown => checkAnswer(schema, jsonOf(text), "Ceph's answer to x");
  expect(check).toThrow(expect.objectContaining({ kind: 'Internal', reason: 'UnexpectedAnswer' }));
  expect(check).toThrow(expect.objectContaining({ detail: `first field that does not fit: ${field}` }));
  expect(check).toThrow("Ceph's answer to x has a form that this version of the driver does not know");
});
