import type { Contact, Target, Trunk } from '../config/document.ts';
import { isOperatorLine } from '../config/operator-line.ts';
import { normalizePhone } from '../config/phone.ts';
import type { PbxVersion } from '../config/version.ts';
import type { EndReason } from '../end-reason.ts';
import type { Binding, RegistrationStore } from '../redis/registrations.ts';
import type { SipTarget, Transport } from '../sip/port.ts';
import { type CallerIdChoice, callerIdFor } from './outgoing/caller-id.ts';
import type { OutgoingLimits } from './outgoing/limits.ts';
import { whyBarred } from './outgoing/permission.ts';
import type { Trunks } from './outgoing/trunks.ts';
import { isPeersOwn, type Way, waysByPlan, waysToNetwork } from './outgoing/ways.ts';
import type { Destination } from './ring.ts';
import { phoneSound, soundAt, trunkSound } from './sound.ts';
import { trunkAddress } from './trunk-address.ts';

export type Found =
  | { readonly ok: true; readonly destinations: readonly Destination[] }
  | { readonly ok: false; readonly reason: EndReason };

/** Who is registered where, and perhaps looked up before it is asked for (`LookAhead`). */
export interface Contacts extends Pick<RegistrationStore, 'contacts'> {
  expect?(pbx: string, account: string): void;
}

/** From what an admin writes (an account, a SIP address, a number, a number at a trunk) to the addresses that an INVITE is sent to. */
export class Destinations {
  readonly #registrations: Contacts;
  readonly #contactTarget: (binding: Binding) => SipTarget;
  readonly #trunks: Trunks;
  readonly #limits: OutgoingLimits;

  constructor(
    registrations: Contacts,
    contactTarget: (binding: Binding) => SipTarget,
    trunks: Trunks,
    limits: OutgoingLimits,
  ) {
    this.#registrations = registrations;
    this.#contactTarget = contactTarget;
    this.#trunks = trunks;
    this.#limits = limits;
  }

  /** @param callerId which of our numbers a phone outside is shown */
  async ofContact(pbx: PbxVersion, contact: Contact, callerId: CallerIdChoice): Promise<Found> {
    if ('sip' in contact) return this.ofSipAddress(pbx, contact.sip);
    if ('trunk' in contact) return this.ofTrunk(pbx, contact.trunk, contact.number);
    return this.ofNumber(pbx, contact.phone, callerId);
  }

  /** This contact is likely to be rung within milliseconds. */
  expect(pbx: PbxVersion, contact: Contact): void {
    if (!('sip' in contact)) return;
    const { account } = ourAccount(pbx, contact.sip);
    if (account) this.#registrations.expect?.(pbx.id, account.address);
  }

  async ofTarget(
    pbx: PbxVersion,
    target: Extract<Target, { sip: string } | { phone: string } | { trunk: string }>,
    callerId: CallerIdChoice,
  ): Promise<Found> {
    if ('phone' in target) return this.ofNumber(pbx, target.phone, callerId);
    if ('trunk' in target) return this.ofTrunk(pbx, target.trunk, target.number);
    return this.ofSipAddress(pbx, target.sip, target.port, target.transport);
  }

  /** Every device that is registered for an account of ours; an address elsewhere as it stands. */
  async ofSipAddress(pbx: PbxVersion, address: string, port?: number, transport?: Transport): Promise<Found> {
    const { user, host, account } = ourAccount(pbx, address);
    if (!account) {
      const uri = `sip:${address}${port ? `:${port}` : ''}${transport ? `;transport=${transport}` : ''}`;
      return { ok: true, destinations: [{ target: { uri }, to: { user, host, display: '' } }] };
    }
    let bindings: readonly Binding[];
    try {
      bindings = await this.#registrations.contacts(pbx.id, account.address);
    } catch {
      // Redis is away, which its connection has reported: nobody can be found until it is back (2-call-behaviour §10).
      return { ok: false, reason: 'serviceUnavailable' };
    }
    if (bindings.length === 0) return { ok: false, reason: 'unavailable' };
    return {
      ok: true,
      destinations: bindings.map((binding) => {
        const target = this.#contactTarget(binding);
        const to = { user: account.user, host: account.domain, display: '' };
        return { target, to, ...phoneSound(pbx), ...soundAt(target) };
      }),
    };
  }

  /** A number of the telephone network that nobody dialled: one of the configuration. */
  ofNumber(pbx: PbxVersion, number: string, choice: CallerIdChoice): Found {
    if (whyBarred(pbx, number) !== undefined) return { ok: false, reason: 'directionBarred' };
    const shown = callerIdFor(pbx, choice, number)?.callerId;
    const byMask = waysByPlan(pbx, number, { dialled: false });
    return this.through(pbx, byMask.length > 0 ? byMask : waysToNetwork(pbx, number, shown), shown);
  }

  /** A number at a trunk: of the configuration, or dialled by a caller who may (DISA). The directions of the PBX hold for it too. */
  ofTrunk(pbx: PbxVersion, trunk: string, number: string): Found {
    const behind = pbx.trunk(trunk);
    const phone = normalizePhone(number, pbx.document.pbx.country);
    const isOutside = behind !== undefined && phone !== undefined && !isPeersOwn(behind, number);
    if (isOutside && whyBarred(pbx, phone) !== undefined) return { ok: false, reason: 'directionBarred' };
    return this.through(pbx, [{ trunk, number, why: '' }]);
  }

  /**
   * The first of the ways that is up, and after it the backups of its trunk that are (§5.3.1.4). When none is up they are tried all the same: what is
   * known of them may be old.
   * @param shown our number that is shown; unset: whom the call shows to ordinary phones
   */
  through(pbx: PbxVersion, ways: readonly Way[], shown?: string): Found {
    const way = ways.find(({ trunk }) => this.#trunks.isUp(pbx.id, trunk)) ?? ways[0];
    if (!way) return { ok: false, reason: 'unavailable' };
    const main = pbx.trunk(way.trunk);
    if (!main) return { ok: false, reason: 'schemeMisconfigured' };
    const chain = [main, ...main.backup.flatMap((id) => pbx.trunk(id) ?? [])];
    const up = chain.filter(({ id }) => this.#trunks.isUp(pbx.id, id));
    const destination = (up.length > 0 ? up : chain).reduceRight<Destination | undefined>(
      (otherwise, trunk) => this.#behind(pbx, trunk, way.number, { otherwise, shown }) ?? otherwise,
      undefined,
    );
    return destination ? { ok: true, destinations: [destination] } : { ok: false, reason: 'unavailable' };
  }

  #behind(
    pbx: PbxVersion,
    trunk: Trunk,
    number: string,
    { otherwise, shown }: { readonly otherwise: Destination | undefined; readonly shown: string | undefined },
  ): Destination | undefined {
    const address = trunkAddress(trunk, number);
    if (!address) return undefined;
    const trunks = this.#trunks;
    const inside = trunks.inside(pbx, trunk, number);
    const limits = this.#limits;
    return {
      target: { uri: address.uri },
      to: { user: number, host: trunk.domain ?? address.host, display: '' },
      ...trunkSound(trunk),
      trunk: {
        domain: trunk.domain,
        dtmfCommands: trunk.dtmfCommands,
        ...(inside ? { invite: inside } : {}),
        ...(isOperatorLine(trunk) ? { account: trunk.auth.user } : {}),
        ...(isPeersOwn(trunk, number)
          ? {}
          : { begin: (employee, exhausted) => limits.begin({ pbx, employee, number, exhausted }) }),
        takeLine: () => trunks.takeLine(pbx, trunk),
        probe: () => trunks.probe(pbx, trunk),
        reached: () => trunks.reached(pbx.id, trunk.id),
        unreachable: (why) => trunks.unreachable(pbx.id, trunk.id, why),
      },
      ...(trunk.auth === undefined ? {} : { auth: trunk.auth }),
      ...(shown === undefined ? {} : { shown }),
      ...(otherwise === undefined ? {} : { otherwise }),
    };
  }
}

/** @returns `account`: the one of ours that calls to this address go to */
function ourAccount(pbx: PbxVersion, address: string) {
  const at = address.lastIndexOf('@');
  const user = address.slice(0, at);
  const host = address.slice(at + 1);
  const ours = pbx.account(user, host);
  const account = ours && pbx.forwardedAccount(ours.account);
  return { user, host, account: account && { ...account, address: `${account.user}@${account.domain}` } };
}
