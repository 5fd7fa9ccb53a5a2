import { builtinPart } from '../media/prompts/names.ts';
import { isOperatorLine, operatorLine } from './operator-line.ts';
import type { PbxDocument } from './schema/document.ts';
import type { Account, Employee } from './schema/employee.ts';
import type { Group } from './schema/group.ts';
import type { NumberEntry } from './schema/number.ts';
import type { Room } from './schema/room.ts';
import type { Scheme } from './schema/scheme.ts';
import type { Trunk } from './schema/trunk.ts';
import { TrunkPlan } from './trunk-plan.ts';

/** Whom a short number calls. */
export type Extension =
  | { readonly kind: 'employee'; readonly employee: Employee }
  | { readonly kind: 'group'; readonly group: Group }
  | { readonly kind: 'scheme'; readonly scheme: Scheme }
  | { readonly kind: 'room'; readonly room: Room };

/** A number that calls come to or show, and the trunk that brings it, if one does. */
export interface Line {
  readonly number: string;
  /** Undefined: a trunk's number that `numbers` does not list. */
  readonly entry: NumberEntry | undefined;
  readonly trunk: Trunk | undefined;
}

/**
 * One PBX as it was configured at one time, with the look-ups that a call needs. Never changes: a call keeps the version that it started with, whatever
 * is loaded meanwhile. Look-ups of things that a valid document refers to cannot fail for such references.
 */
export class PbxVersion {
  readonly id: string;
  /** Hash of what the files say: the same files have the same version, on every node and after every restart. */
  readonly version: string;
  readonly document: PbxDocument;
  /** Those of the document, and the accounts with operators that numbers come from (`operator-line.ts`). */
  readonly trunks: readonly Trunk[];
  readonly #employees: ReadonlyMap<string, Employee>;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #schemes: ReadonlyMap<string, Scheme>;
  readonly #trunks: ReadonlyMap<string, Trunk>;
  readonly #rooms: ReadonlyMap<string, Room>;
  readonly #extensions: ReadonlyMap<string, Extension>;
  readonly #accounts: ReadonlyMap<string, { readonly account: Account; readonly employee: Employee }>;
  readonly #lines: ReadonlyMap<string, Line>;
  readonly #audio: ReadonlyMap<string, string>;
  #trunkPlan: TrunkPlan | undefined;

  /** @param audio absolute path by audio id */
  constructor(version: string, document: PbxDocument, audio: ReadonlyMap<string, string>) {
    this.id = document.pbx.id;
    this.version = version;
    this.document = document;
    this.#employees = byId(document.employees);
    this.#groups = byId(document.groups);
    this.#schemes = byId(document.schemes);
    this.trunks = [...document.trunks, ...document.numbers.flatMap((entry) => operatorLine(entry) ?? [])];
    this.#trunks = byId(this.trunks);
    this.#rooms = byId(document.rooms);
    this.#extensions = dialPlan(document);
    this.#accounts = accountsOf(document);
    this.#lines = linesOf(document, this.trunks);
    this.#audio = audio;
  }

  /** Absolute path by audio id. */
  get audioFiles(): ReadonlyMap<string, string> {
    return this.#audio;
  }

  /** Nothing that a call could notice differs. */
  sameAs(other: PbxVersion): boolean {
    const files = [...this.#audio];
    return (
      this.id === other.id &&
      this.version === other.version &&
      files.length === other.#audio.size &&
      files.every(([id, path]) => other.#audio.get(id) === path)
    );
  }

  employee(id: string): Employee | undefined {
    return this.#employees.get(id);
  }

  group(id: string): Group | undefined {
    return this.#groups.get(id);
  }

  scheme(id: string): Scheme | undefined {
    return this.#schemes.get(id);
  }

  trunk(id: string): Trunk | undefined {
    return this.#trunks.get(id);
  }

  room(id: string): Room | undefined {
    return this.#rooms.get(id);
  }

  /** Whom a short number calls, if anybody. */
  extension(digits: string): Extension | undefined {
    return this.#extensions.get(digits);
  }

  /** All short numbers. */
  extensions(): IterableIterator<string> {
    return this.#extensions.keys();
  }

  /** By SIP address; the domain regardless of case (RFC 3261 §19.1.4). */
  account(user: string, domain: string): { readonly account: Account; readonly employee: Employee } | undefined {
    return this.#accounts.get(accountKey(user, domain));
  }

  /** As `account`, by the name that is used for both together: `user@domain`. */
  accountNamed(name: string): { readonly account: Account; readonly employee: Employee } | undefined {
    const at = name.lastIndexOf('@');
    return this.account(name.slice(0, at), name.slice(at + 1));
  }

  /** The account that takes the calls of this one: `forwardTo`, followed once. */
  forwardedAccount(account: Account): Account {
    if (account.forwardTo === undefined) return account;
    const [user = '', domain = account.domain] = account.forwardTo.split('@');
    return this.account(user, domain)?.account ?? account;
  }

  /** A line by its number in international format. */
  line(number: string): Line | undefined {
    return this.#lines.get(number);
  }

  lines(): IterableIterator<Line> {
    return this.#lines.values();
  }

  /** Which trunks take a dialled number. Made when it is first asked for: there may be thousands of masks. */
  get trunkPlan(): TrunkPlan {
    this.#trunkPlan ??= new TrunkPlan(this.document.trunks);
    return this.#trunkPlan;
  }

  /**
   * What an `AudioId` stands for; undefined for an id that the document does not have, which a reference in it cannot be.
   */
  audio(id: string): { readonly file: string } | { readonly builtin: string } | undefined {
    const builtin = builtinPart(id);
    if (builtin !== undefined) return { builtin };
    const file = this.#audio.get(id);
    return file === undefined ? undefined : { file };
  }
}

const byId = <T extends { readonly id: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [item.id, item]));

function dialPlan({ employees, groups, schemes, rooms }: PbxDocument): ReadonlyMap<string, Extension> {
  const plan = new Map<string, Extension>();
  for (const employee of employees)
    if (employee.extension) plan.set(employee.extension, { kind: 'employee', employee });
  for (const group of groups) if (group.extension) plan.set(group.extension, { kind: 'group', group });
  for (const scheme of schemes) if (scheme.extension) plan.set(scheme.extension, { kind: 'scheme', scheme });
  for (const room of rooms) if (room.extension) plan.set(room.extension, { kind: 'room', room });
  return plan;
}

const accountKey = (user: string, domain: string): string => `${user}@${domain.toLowerCase()}`;

function accountsOf({ employees }: PbxDocument) {
  const accounts = new Map<string, { readonly account: Account; readonly employee: Employee }>();
  for (const employee of employees) {
    for (const account of employee.accounts)
      accounts.set(accountKey(account.user, account.domain), { account, employee });
  }
  return accounts;
}

function linesOf(document: PbxDocument, trunks: readonly Trunk[]): ReadonlyMap<string, Line> {
  const lines = new Map<string, Line>();
  const named = new Map<string, Trunk>();
  for (const trunk of trunks) {
    named.set(trunk.id, trunk);
    const own = isOperatorLine(trunk);
    for (const { number } of trunk.numbers)
      if (own || !lines.has(number)) lines.set(number, { number, entry: undefined, trunk });
  }
  for (const entry of document.numbers) {
    const { number, source } = entry;
    const trunk = source && 'trunk' in source ? named.get(source.trunk) : lines.get(number)?.trunk;
    lines.set(number, { number, entry, trunk });
  }
  return lines;
}
