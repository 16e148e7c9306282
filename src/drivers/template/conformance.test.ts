import { describeDriverConformance } from '../conformance.ts';
import { createTemplateFixture } from './conformance-fixture.ts';

describeDriverConformance('template', await createTemplateFixture());
