import { type Logger, pino } from 'pino';
import type { Environment } from '../config/env.ts';

/** Fields that never stand in a log, wherever they come from. */
const secretFields = ['password', 'ha1', 'pin', 'secret', 'token', 'authorization', 'response', 'cnonce'];

/** One JSON object a line, on standard error: standard output belongs to the banner. */
export const createLog = ({ logLevel, nodeId }: Pick<Environment, 'logLevel' | 'nodeId'>): Logger =>
  pino(
    {
      level: logLevel,
      base: { node: nodeId },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
    },
    pino.destination(2),
  );
