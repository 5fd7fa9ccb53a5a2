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
 * DTMF and fills lost packets with silence. Each worker thread calls this for itself.
 */
export function loadSpandsp(fileNames: readonly string[] = FILE_NAMES): Spandsp | MissingSpandsp {
  let reason = '';
  for (const fileName of fileNames) {
    try {
      // Not a static import: koffi is a native addon, and a platform that it has no binary for must still get an engine.
      const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
      return bind(koffi.load(fileName));
    } catch (error) {
      reason ||= `${fileName}: ${errorText(error)}`;
    }
  }
  return {
    missing: `libspandsp cannot be loaded: ${reason}`,
    hint: 'Install it (Debian: apt install libspandsp2); until then digits that phones send as tones are not recognised.',
  };
}

/** Narrows the result of `loadSpandsp`. */
export const isMissing = (loaded: Spandsp | MissingSpandsp): loaded is MissingSpandsp => 'missing' in loaded;

/** @throws if a function is not there: then it is another library, or a version that we do not know. */
function bind(library: LibraryHandle): Spandsp {
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
  };
}
