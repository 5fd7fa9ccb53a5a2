import type { Issue } from './issue.ts';
import type { DeclaredNames } from './removals.ts';
import type { PbxDocument } from './schema/document.ts';

/** What the thread that reads the folder and the one that runs calls say to each other: one question, one answer, in turn. */
export type Question =
  /** Reads the folder. */
  | {
      readonly ask: 'load';
      readonly folder: string;
      /** Milliseconds since 1970. */
      readonly now: number;
      readonly have: ReadonlyMap<string, InForce>;
    }
  /** A part of a list of the PBX that stands at this place of the last answer to `load`. */
  | { readonly ask: 'part'; readonly pbx: number; readonly list: ListKey; readonly from: number };

/** What is in force of one PBX. */
export interface InForce {
  /** Need not be sent. */
  readonly version: string;
  readonly names: DeclaredNames;
}

export interface Loaded {
  readonly issues: readonly Issue[];
  readonly pbxs: readonly LoadedPbx[];
}

export interface LoadedPbx {
  readonly id: string;
  readonly version: string;
  /** Absolute path by audio id. */
  readonly audio: ReadonlyMap<string, string>;
  /** The document with its lists empty, and how long they are; undefined: as the other thread has it. */
  readonly content: { readonly rest: PbxDocument; readonly lengths: ReadonlyMap<ListKey, number> } | undefined;
}

/** How many entries of a list come at a time: reading an answer of this size takes a few milliseconds. */
export const partLength = 200;

/** Keys of a document whose value is a list. */
export type ListKey = {
  [Key in keyof PbxDocument]-?: PbxDocument[Key] extends readonly unknown[] ? Key : never;
}[keyof PbxDocument];

export const listsOf = (document: PbxDocument): [ListKey, readonly unknown[]][] =>
  (Object.entries(document) as [ListKey, unknown][]).flatMap(([key, list]) =>
    Array.isArray(list) ? [[key, list]] : [],
  );
