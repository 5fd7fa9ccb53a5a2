import { createRequire } from 'node:module';
import type { LibraryHandle } from 'koffi';
import { errorText } from '../../../errors.ts';

/** The address of a C object of the library. Whoever gets one frees it, exactly once. */
export type Handle = bigint;

/** The functions of libspandsp 0.0.6 that we call; see its header files for their meaning. */
export interface Spandsp {
  readonly dtmfRxInit: (state: null, callback: null, user: null) => Handle | null;
  readonly dtmfRxParms: (
    state: Handle,
    filterDialTone: number,
    twist: number,
    reverseTwist: number,
    threshold: number,
  ) => void;
  readonly dtmfRx: (state: Handle, samples: Int16Array, count: number) => number;
  readonly dtmfRxGet: (state: Handle, digits: Uint8Array, max: number) => number;
  readonly dtmfRxFree: (state: Handle) => number;
  readonly plcInit: (state: null) => Handle | null;
  readonly plcRx: (state: Handle, samples: Int16Array, count: number) => number;
  readonly plcFillin: (state: Handle, samples: Int16Array, count: number) => number;
  readonly plcFree: (state: Handle) => number;
  readonly connectToneRxInit: (state: null, tone: number, callback: null, user: null) => Handle | null;
  readonly connectToneRx: (state: Handle, samples: Int16Array, count: number) => number;
  readonly connectToneRxGet: (state: Handle) => number;
  readonly connectToneRxFree: (state: Handle) => number;
  readonly faxInit: (state: null, calling: number) => Handle | null;
  readonly faxRx: (state: Handle, samples: Int16Array, count: number) => number;
  readonly faxTx: (state: Handle, samples: Int16Array, count: number) => number;
  readonly faxTransmitOnIdle: (state: Handle, on: number) => void;
  readonly faxT30: (state: Handle) => Handle;
  readonly faxFree: (state: Handle) => number;
  readonly t30TxIdent: (state: Handle, ident: string) => number;
  readonly t30RxIdent: (state: Handle) => string | null;
  readonly t30Ecm: (state: Handle, on: number) => number;
  readonly t30Modems: (state: Handle, bits: number) => number;
  readonly t30Compressions: (state: Handle, bits: number) => number;
  readonly t30Resolutions: (state: Handle, bits: number) => number;
  readonly t30ImageSizes: (state: Handle, bits: number) => number;
  readonly t30RxEncoding: (state: Handle, encoding: number) => number;
  readonly t30RxFile: (state: Handle, file: string, stopPage: number) => void;
  readonly t30TxFile: (state: Handle, file: string, startPage: number, stopPage: number) => void;
  readonly t30Active: (state: Handle) => number;
  readonly t30Terminate: (state: Handle) => void;
  /**
   * Calls back in the middle of `faxRx`, in this thread, with the command or answer that ends a page (T.30 phase D). One listener for each terminal; the
   * function that is returned takes it off, and must be called before the terminal is freed.
   */
  readonly t30OnPhaseD: (state: Handle, listener: (message: number) => void) => () => void;
  /** Writes `t30_stats_t`: fifteen integers. */
  readonly t30Stats: (state: Handle, stats: Int32Array) => void;
}

/** Why there is no library, and what to do: one line each, for a warning. */
export interface MissingSpandsp {
  readonly missing: string;
  readonly hint: string;
}

/** Debian and Homebrew. Version 3 has other parameter types under the same names, so a name without the version would not be safe. */
const FILE_NAMES = ['libspandsp.so.2', 'libspandsp.2.dylib'];

/**
 * Binds libspandsp, the signal processing library inside FreeSWITCH. Never throws: an engine without it works, but hears no in-band
 * DTMF, knows no fax and fills lost packets with silence. Each worker thread calls this for itself.
 */
export function loadSpandsp(fileNames: readonly string[] = FILE_NAMES): Spandsp | MissingSpandsp {
  let reason = '';
  for (const fileName of fileNames) {
    try {
      // Not a static import: koffi is a native addon, and a platform that it has no binary for must still get an engine.
      const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
      return bind(koffi, koffi.load(fileName));
    } catch (error) {
      reason ||= `${fileName}: ${errorText(error)}`;
    }
  }
  return {
    missing: `libspandsp cannot be loaded: ${reason}`,
    hint: 'Install it (Debian: apt install libspandsp2); until then digits that phones send as tones are not recognised, and there is no fax.',
  };
}

/** In place of fax, where there is no library. */
export const FAX_NEEDS_SPANDSP =
  'Fax needs libspandsp 0.0.6 on the machine of the engine (Debian: apt install libspandsp2).';

/** Narrows the result of `loadSpandsp`. */
export const isMissing = (loaded: Spandsp | MissingSpandsp): loaded is MissingSpandsp => 'missing' in loaded;

/** @throws if a function is not there: then it is another library, or a version that we do not know. */
function bind(koffi: typeof import('koffi'), library: LibraryHandle): Spandsp {
  const fn = <F>(result: string, name: string, ...parameters: string[]): F =>
    library.func(name, result, parameters) as F;
  return {
    dtmfRxInit: fn('void *', 'dtmf_rx_init', 'void *', 'void *', 'void *'),
    dtmfRxParms: fn('void', 'dtmf_rx_parms', 'void *', 'int', 'int', 'int', 'int'),
    dtmfRx: fn('int', 'dtmf_rx', 'void *', 'const int16_t *', 'int'),
    dtmfRxGet: fn('size_t', 'dtmf_rx_get', 'void *', 'char *', 'int'),
    dtmfRxFree: fn('int', 'dtmf_rx_free', 'void *'),
    plcInit: fn('void *', 'plc_init', 'void *'),
    plcRx: fn('int', 'plc_rx', 'void *', 'int16_t *', 'int'),
    plcFillin: fn('int', 'plc_fillin', 'void *', 'int16_t *', 'int'),
    plcFree: fn('int', 'plc_free', 'void *'),
    connectToneRxInit: fn('void *', 'modem_connect_tones_rx_init', 'void *', 'int', 'void *', 'void *'),
    connectToneRx: fn('int', 'modem_connect_tones_rx', 'void *', 'const int16_t *', 'int'),
    connectToneRxGet: fn('int', 'modem_connect_tones_rx_get', 'void *'),
    connectToneRxFree: fn('int', 'modem_connect_tones_rx_free', 'void *'),
    faxInit: fn('void *', 'fax_init', 'void *', 'int'),
    faxRx: fn('int', 'fax_rx', 'void *', 'int16_t *', 'int'),
    faxTx: fn('int', 'fax_tx', 'void *', '_Out_ int16_t *', 'int'),
    faxTransmitOnIdle: fn('void', 'fax_set_transmit_on_idle', 'void *', 'int'),
    faxT30: fn('void *', 'fax_get_t30_state', 'void *'),
    faxFree: fn('int', 'fax_free', 'void *'),
    t30TxIdent: fn('int', 't30_set_tx_ident', 'void *', 'const char *'),
    t30RxIdent: fn('const char *', 't30_get_rx_ident', 'void *'),
    t30Ecm: fn('int', 't30_set_ecm_capability', 'void *', 'int'),
    t30Modems: fn('int', 't30_set_supported_modems', 'void *', 'int'),
    t30Compressions: fn('int', 't30_set_supported_compressions', 'void *', 'int'),
    t30Resolutions: fn('int', 't30_set_supported_resolutions', 'void *', 'int'),
    t30ImageSizes: fn('int', 't30_set_supported_image_sizes', 'void *', 'int'),
    t30RxEncoding: fn('int', 't30_set_rx_encoding', 'void *', 'int'),
    t30RxFile: fn('void', 't30_set_rx_file', 'void *', 'const char *', 'int'),
    t30TxFile: fn('void', 't30_set_tx_file', 'void *', 'const char *', 'int', 'int'),
    t30Active: fn('int', 't30_call_active', 'void *'),
    t30Terminate: fn('void', 't30_terminate', 'void *'),
    t30OnPhaseD: phaseD(koffi, library),
    t30Stats: fn('void', 't30_get_transfer_statistics', 'void *', '_Out_ int32_t *'),
  };
}

/**
 * One C function serves all terminals of the thread and is never taken away: who is meant stands in the number that the library hands back. So nothing that
 * C still knows of can be collected, and no terminal uses up one of the few functions that koffi can make.
 */
function phaseD(koffi: typeof import('koffi'), library: LibraryHandle): Spandsp['t30OnPhaseD'] {
  const listeners = new Map<number, (message: number) => void>();
  let last = 0;
  const type = koffi.pointer(koffi.proto('int', ['void *', 'intptr_t', 'int']));
  const handler = koffi.register((_state: unknown, number: number, message: number) => {
    listeners.get(Number(number))?.(message);
    return 0;
  }, type);
  const set = library.func('t30_set_phase_d_handler', 'void', ['void *', type, 'intptr_t']);
  return (state, listener) => {
    const number = ++last;
    listeners.set(number, listener);
    set(state, handler, number);
    return () => listeners.delete(number);
  };
}
