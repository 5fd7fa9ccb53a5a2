import type { Branch, Defaults } from '../config/document.ts';
import type { EndReason } from '../end-reason.ts';
import type { TraceEvent } from './actors.ts';
import type { Action, State, Transition, Transitions } from './chart.ts';
import { place, to } from './paths.ts';
import type { SchemeTables } from './tables.ts';

/** One scheme while it is compiled. */
export interface SchemeBuild {
  readonly id: string;
  readonly tables: SchemeTables;
  readonly menu: Defaults['menu'];
  /** The block that a call enters first, and returns to by `mainMenu`. */
  readonly top: string;
  /** All blocks, branches and shared states by path, flat: to enter a menu item is to leave the menu. */
  readonly states: Map<string, State>;
}

/** One branch while it is compiled, for those who compile what is in it. */
export interface BranchBuild {
  readonly scheme: SchemeBuild;
  readonly branch: Branch;
  /** The path of the branch, and of the block that it is a branch of. */
  readonly path: string;
  readonly block: string;
  /** Which branch of its block. */
  readonly index: number;
  /** The paths of the branches that are asked before it. */
  readonly before: readonly string[];
  /** Where it stands in the document: `branches[0]`. */
  readonly source: string;
  /** In the scheme's first block nobody has answered the caller yet. */
  readonly top: boolean;
}

export const trace = (
  state: string,
  event: TraceEvent,
  detail?: Readonly<Record<string, unknown>>,
  why?: string,
): Action => ({
  type: 'trace',
  params: { state, event, ...(detail === undefined ? {} : { detail }), ...(why === undefined ? {} : { why }) },
});

/** Tells what the caller entered. */
export const seen = (state: string, why: string): Action => ({ type: 'traceEntry', params: { state, why } });

/** The transitions with these actions before their own. */
export const after = (actions: readonly Action[], transitions: Transitions): Transitions =>
  transitions.map((transition) => ({ ...transition, actions: [...actions, ...(transition.actions ?? [])] }));

export const ended = ({ id }: Pick<SchemeBuild, 'id'>): string => place(id, 'ended');

/** The call is ended by the scheme at this place. */
export const hangUp = (
  scheme: SchemeBuild,
  at: string,
  why?: string,
  reason: EndReason = 'schemeEnded',
): Transition => ({
  target: to(ended(scheme)),
  actions: [{ type: 'end', params: { reason } }, trace(at, 'hangup', { reason }, why)],
});

/** What the branch's `end` says. */
export const ending = ({ scheme, branch, path }: BranchBuild): Transition =>
  branch.end === 'hangup' ? hangUp(scheme, path) : { target: to(place(path, 'end')) };

/** The end of a branch as a state: back to the main menu, its branch chosen anew, or the end of the call. */
export const endState = ({ scheme, branch, path }: BranchBuild): State => ({
  id: place(path, 'end'),
  always:
    branch.end === 'hangup'
      ? [hangUp(scheme, path)]
      : [
          {
            guard: { type: 'mayReturn' },
            target: to(scheme.top),
            reenter: true,
            actions: [{ type: 'countMainMenu' }, trace(path, 'mainMenu')],
          },
          hangUp(scheme, path, 'the call has been back to the main menu 20 times'),
        ],
});

/** The block is entered once more, its branch chosen anew. */
export const again = (block: string): Transition => ({ target: to(block), reenter: true });

/** Another scheme goes on with the call. */
export const goOn = (scheme: SchemeBuild, at: string, other: string): Transitions => [
  {
    guard: { type: 'mayGoOn' },
    target: to(ended(scheme)),
    actions: [{ type: 'goOn', params: { scheme: other } }],
  },
  tooOften(scheme, at),
];

/** As `goOn`, when the extension that was entered is a scheme's. */
export const goOnDialled = (scheme: SchemeBuild, at: string): Transitions => [
  { guard: { type: 'mayGoOnDialled' }, target: to(ended(scheme)), actions: [{ type: 'goOnDialled' }] },
  { guard: { type: 'dialsScheme' }, ...tooOften(scheme, at) },
];

/** As `goOn`, when an assistant has sent the call on to a scheme. */
export const goOnSent = (scheme: SchemeBuild, at: string): Transitions => [
  { guard: { type: 'mayGoOnSent' }, target: to(ended(scheme)), actions: [{ type: 'goOnSent' }] },
  { guard: { type: 'sentToScheme' }, ...tooOften(scheme, at) },
];

const tooOften = (scheme: SchemeBuild, at: string): Transition =>
  hangUp(scheme, at, 'the call has been sent from scheme to scheme 20 times', 'loop');
