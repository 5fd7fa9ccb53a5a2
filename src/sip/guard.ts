import type { Logger } from 'pino';
import type { Account, Employee } from '../config/document.ts';
import { normalizePhone } from '../config/phone.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Attempts, FailureReason } from './attempts.ts';
import {
  type AccountSecret,
  commonAlgorithms,
  credentialsFor,
  type DigestAuthority,
  type DigestCredentials,
} from './digest.ts';
import { type DigestAlgorithm, algorithms as digestAlgorithms } from './digest-hash.ts';
import type { Identity } from './identity.ts';
import { type CountryOf, ipAccess } from './ip-access.ts';
import type { LineMarks } from './line-marks.ts';
import type { Party } from './port.ts';
import { algorithmsFor } from './quirks.ts';
import type { SipRequest, SipResponse } from './request.ts';
import type { TrunkPeers } from './trunk-peers.ts';

export type Admission =
  | { readonly outcome: 'admitted'; readonly identity: Identity }
  | { readonly outcome: 'refused'; readonly response: SipResponse };

export interface GuardOptions {
  readonly config: Pick<ConfigStore, 'all' | 'current' | 'findByDomain' | 'findPassiveLine'>;
  readonly peers: Pick<TrunkPeers, 'find'>;
  readonly marks: Pick<LineMarks, 'find'>;
  readonly digest: DigestAuthority;
  readonly attempts: Attempts;
  /** Whether a host is an address of ours: phones that were set up with an address instead of a domain. */
  readonly isOwnHost: (host: string) => boolean;
  /** Whether a request left here before: a peer has sent us our own call. */
  readonly hasPassedHere: (request: SipRequest) => boolean;
  readonly countryOf?: CountryOf;
  readonly log: Logger;
}

/** A domain that we serve, written as in the configuration: the realm of its accounts. */
interface Realm {
  readonly pbx: PbxVersion;
  readonly domain: string;
}

/**
 * Decides who sent a request outside a dialog, in this order:
 *
 * 0. INVITE that left here before: 482.
 * 1. INVITE to a Contact that we have registered at an operator: the trunk of that registration. INVITE from the address and port of an external trunk, for a
 *    number of it, or for the account that we have there: the trunk. For anything else too, unless it claims to be one of our accounts: phones may stand
 *    behind the same address.
 * 2. A blocked address: 403.
 * 3. INVITE for a passive line, unless the caller claims to be one of our accounts: anyone may call there.
 * 4. All others must know the password of an account: 401 with a challenge. A REGISTER for its own address-of-record, an INVITE or
 *    SUBSCRIBE with its own From (or an anonymous one), else 403.
 *
 * We are a user agent server and a registrar, never a proxy, so it is 401 and `WWW-Authenticate` for every method (RFC 3261 §22.1).
 * Whether an account exists cannot be told from the answers; which domains are served can (404, RFC 3261 §10.3 step 5).
 */
export class Guard {
  readonly #options: GuardOptions;
  /** What is derived from a version of a PBX, once. */
  readonly #derived = new WeakMap<PbxVersion, DerivedRules>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  async admit(request: SipRequest): Promise<Admission> {
    const { attempts, hasPassedHere } = this.#options;
    // It would be taken for a new call, and go round until its hops are used up, with two lines for each of them.
    if (request.method === 'INVITE' && hasPassedHere(request)) return refused(482);
    const trunk = request.method === 'INVITE' ? this.#trunk(request) : undefined;
    if (trunk) return admitted(trunk);
    if (attempts.blockedFor(request.source.address) !== undefined) return refused(403);
    const passive = request.method === 'INVITE' ? this.#passive(request) : undefined;
    if (passive) return attempts.mayAsk(request.source.address) ? admitted(passive) : tooMany();
    return this.#account(request);
  }

  /** Whether to answer a request that needs no identity (OPTIONS): not when there are too many from its address. */
  mayAnswer({ source }: Pick<SipRequest, 'source'>): boolean {
    const { attempts } = this.#options;
    return attempts.blockedFor(source.address) === undefined && attempts.mayAsk(source.address);
  }

  #trunk(request: SipRequest): Identity | undefined {
    const registered = this.#registered(request);
    if (registered) return registered;
    const peers = this.#options.peers.find(request.source);
    const [first] = peers;
    if (!first) return undefined;
    const users = [request.requestUser, request.to.user];
    const named =
      peers.find(({ pbx, trunk }) => users.some((user) => takesCallsFor(pbx, trunk.id, user))) ??
      peers.find(({ trunk }) => trunk.register && users.some((user) => user === trunk.auth?.user));
    if (!named && this.#claimsAccount(request, isAnyUser)) return undefined;
    const hosts = [request.from.host, request.requestHost];
    const { pbx, trunk } = named ?? peers.find((peer) => hosts.includes(peer.trunk.domain ?? '')) ?? first;
    return { kind: 'trunk', pbx: pbx.id, trunk: trunk.id };
  }

  #registered({ uri }: SipRequest): Identity | undefined {
    const mark = uri.kind === 'sip' ? uri.params.get('line') : undefined;
    const found = mark === undefined ? undefined : this.#options.marks.find(mark);
    const trunk = found && this.#options.config.current(found.pbx)?.trunk(found.trunk);
    return found && trunk?.register ? { kind: 'trunk', ...found } : undefined;
  }

  #passive(request: SipRequest): Identity | undefined {
    const { requestUser, requestHost } = request;
    const domain = this.#realmOf(requestHost)?.domain ?? requestHost;
    const found = this.#options.config.findPassiveLine(requestUser, domain);
    if (!found || this.#claimsAccount(request, isAccountUser)) return undefined;
    return { kind: 'passive', pbx: found.pbx.id, number: found.number.number };
  }

  /**
   * Whether the caller says that he is one of us. By the form of his name, not by whether it exists.
   * @param isAccount which users of our domains are accounts: an operator may put our domain into the From of a number
   */
  #claimsAccount({ from, headers }: SipRequest, isAccount: (user: string) => boolean): boolean {
    if (headers.has('Authorization')) return true;
    if (this.#options.config.findByDomain(from.host)) return isAccount(from.user);
    // An address of ours in the From is weak evidence: some peers write it. Only one who is asked and trusted learns from this.
    const realm = this.#realmOf(from.host);
    return realm !== undefined && realm.pbx.account(from.user, realm.domain) !== undefined;
  }

  async #account(request: SipRequest): Promise<Admission> {
    const { attempts, digest } = this.#options;
    const { method, source } = request;
    const claimed = method === 'REGISTER' ? request.to : request.from;
    const realm = this.#realmOf(claimed.host) ?? this.#realmOf(request.requestHost);
    if (!realm) return this.#fail(request, claimed, undefined, 'unknown-domain', { status: 404 });
    const rules = this.#rules(realm.pbx);
    if (!rules.mayAccess(source.address)) {
      return this.#fail(request, claimed, realm, 'address-not-allowed', { status: 403 });
    }

    const credentials = credentialsFor(request.headers.get('Authorization'), realm.domain);
    if (credentials === 'absent') return attempts.mayAsk(source.address) ? this.#challenge(request, realm) : tooMany();
    if (credentials === 'malformed') return this.#fail(request, claimed, realm, 'bad-credentials', { status: 400 });

    const user = userOf(credentials, realm);
    const throttled = attempts.throttledFor(source.address, `${user}@${realm.domain}`);
    if (throttled !== undefined) {
      return this.#fail(request, { ...claimed, user }, realm, 'throttled', retryAfter(throttled));
    }
    const known = realm.pbx.account(user, realm.domain);
    const verdict = digest.verify(credentials, method, known && secretOf(known.account));
    if (verdict === 'stale') return this.#challenge(request, realm, true);
    if (verdict === 'wrong' || !known) {
      const reason = known ? 'wrong-password' : 'unknown-account';
      return this.#fail(request, { ...claimed, user }, realm, reason);
    }
    if (!(await digest.isFirstUse(credentials))) return this.#challenge(request, realm, true);
    attempts.succeeded(source.address);
    if (!this.#isOwnName(method, claimed, known.account)) {
      return this.#fail(request, { ...claimed, user }, realm, 'foreign-identity', { status: 403 });
    }
    return admitted(identityOf(realm.pbx, known));
  }

  /** RFC 3261 §10.3 step 4; for calls nobody may show another's name, but anybody none (RFC 3323). */
  #isOwnName(method: string, claimed: Party, { user, domain }: Account): boolean {
    if (method !== 'REGISTER' && (claimed.host === 'anonymous.invalid' || /^anonymous$/i.test(claimed.user)))
      return true;
    const realm = this.#realmOf(claimed.host);
    // Phones that know no domain write some address there.
    return claimed.user === user && (realm === undefined || realm.domain.toLowerCase() === domain.toLowerCase());
  }

  /** The domain that a host stands for: itself, or, with an address of ours in an installation of one PBX, its first. */
  #realmOf(host: string): Realm | undefined {
    const { config, isOwnHost } = this.#options;
    const pbx = config.findByDomain(host);
    if (pbx) return { pbx, domain: pbx.document.pbx.domains.find((one) => one.toLowerCase() === host) ?? host };
    const [only, ...others] = config.all();
    if (!only || others.length > 0 || !isOwnHost(host)) return undefined;
    return { pbx: only, domain: only.document.pbx.domains[0] ?? host };
  }

  #challenge({ headers }: SipRequest, realm: Realm, stale = false): Admission {
    const common = this.#rules(realm.pbx).algorithms.get(realm.domain.toLowerCase()) ?? digestAlgorithms;
    const challenges = this.#options.digest.challenge({
      realm: realm.domain,
      algorithms: algorithmsFor(headers.get('User-Agent'), common),
      stale,
    });
    return { outcome: 'refused', response: { status: 401, headers: { 'WWW-Authenticate': challenges } } };
  }

  /** Counts the failure, and answers it: with another challenge where the password was wrong, unless the address is blocked from now on. */
  async #fail(
    request: SipRequest,
    claimed: Party,
    realm: Realm | undefined,
    reason: FailureReason,
    response?: SipResponse,
  ): Promise<Admission> {
    const { attempts } = this.#options;
    const { method, source } = request;
    const account = `${claimed.user}@${realm?.domain ?? claimed.host}`;
    await attempts.failed({ pbx: realm?.pbx.id ?? NO_PBX, address: source.address, method, account, reason });
    if (response || !realm) return { outcome: 'refused', response: response ?? { status: 404 } };
    return attempts.blockedFor(source.address) === undefined ? this.#challenge(request, realm) : refused(403);
  }

  #rules(pbx: PbxVersion): DerivedRules {
    let rules = this.#derived.get(pbx);
    if (!rules) {
      rules = deriveRules(pbx, this.#options.countryOf);
      this.#derived.set(pbx, rules);
      const { mode } = pbx.document.security.ipAccess;
      if (mode === 'country' && !this.#options.countryOf) {
        this.#options.log.warn(
          { pbx: pbx.id },
          'security.ipAccess has mode "country", but there is no geo database: only private addresses are let in',
        );
      }
    }
    return rules;
  }
}

interface DerivedRules {
  readonly mayAccess: (address: string) => boolean;
  /** By domain, in lower case. */
  readonly algorithms: ReadonlyMap<string, readonly DigestAlgorithm[]>;
}

function deriveRules(pbx: PbxVersion, countryOf: CountryOf | undefined): DerivedRules {
  const accounts = pbx.document.employees.flatMap((employee) => employee.accounts);
  const domains = Map.groupBy(accounts, ({ domain }) => domain.toLowerCase());
  return {
    mayAccess: ipAccess(pbx.document.security.ipAccess, countryOf),
    algorithms: new Map([...domains].map(([domain, ofDomain]) => [domain, commonAlgorithms(ofDomain.map(secretOf))])),
  };
}

/** Failures for domains that nobody has are counted under this name. */
const NO_PBX = '-';

const secretOf = (account: Account): AccountSecret =>
  'password' in account ? { password: account.password } : { ha1: account.ha1 };

/** `ivanov` or `ivanov@acme.example`; with a domain that is another, the name of nobody. */
function userOf({ username }: DigestCredentials, { domain }: Realm): string {
  const at = username.lastIndexOf('@');
  const isOurs = at > 0 && username.slice(at + 1).toLowerCase() === domain.toLowerCase();
  return isOurs ? username.slice(0, at) : username;
}

const identityOf = (pbx: PbxVersion, { account, employee }: { account: Account; employee: Employee }): Identity => ({
  kind: 'account',
  pbx: pbx.id,
  employee: employee.id,
  account: `${account.user}@${account.domain}`,
});

/** Whether calls to this number come through this trunk. */
function takesCallsFor(pbx: PbxVersion, trunk: string, user: string): boolean {
  const line = pbx.line(normalizePhone(user, pbx.document.pbx.country) ?? user);
  if (line?.trunk?.id !== trunk) return false;
  return line.trunk.numbers.find(({ number }) => number === line.number)?.incoming !== false;
}

const isAnyUser = (): boolean => true;

/** The form of an account's user name (1-configuration): no telephone number has it. */
const isAccountUser = (user: string): boolean => !/^\+?\d+$/.test(user) || user.startsWith('000');

const admitted = (identity: Identity): Admission => ({ outcome: 'admitted', identity });
const refused = (status: number): Admission => ({ outcome: 'refused', response: { status } });
const retryAfter = (seconds: number): SipResponse => ({ status: 503, headers: { 'Retry-After': String(seconds) } });
const tooMany = (): Admission => ({ outcome: 'refused', response: retryAfter(10) });
