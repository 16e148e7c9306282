import type { Log } from '../kube/progress.ts';
import type { Stage } from './stage.ts';

/** A part of a story: it shows something, and checks that it is so. */
export interface Chapter {
  readonly title: string;
  readonly tell: () => Promise<void>;
}

/** The story of one driver, on storage that runs. */
export interface Story {
  readonly chapters: readonly Chapter[];
  /** Commands to try when it has been told, besides those that fit every driver; `#` begins a comment. */
  readonly invitation: readonly string[];
  /** Ends what {@link Demo.open} started; returns when nothing is left of it. */
  close(): Promise<void>;
}

/** The demo of one driver. */
export interface Demo {
  /** Looks for what its storage is made of, and installs it where it is missing. @throws with what to do */
  prepare(log: Log): Promise<void>;
  /** Starts its storage and tells the people on the stage where it is. */
  open(stage: Stage, log: Log): Promise<Story>;
}
