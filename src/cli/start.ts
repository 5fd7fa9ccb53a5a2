import { readEnvironment } from '../config/env.ts';
import { issuesText, summaryText } from '../config/issue-text.ts';
import { ConfigError } from '../config/store.ts';
import { setThreadPriority } from '../thread-priority.ts';
import { type Command, configOption, exitCode, textOption } from './command.ts';
import { createLog } from './log.ts';

/** What a shell reports for a process that a signal ended. */
const signalExit = { SIGINT: 130, SIGTERM: 143 } as const;

export const command: Command = {
  name: 'start',
  summary: 'Run a node',
  options: { config: configOption },
  exitCodes: {
    [exitCode.ok]: 'stopped by SIGINT or SIGTERM',
    [exitCode.failed]: 'could not start: the reason is on standard error, and nothing was started',
    [signalExit.SIGINT]: 'stopped by a second SIGINT, without waiting (143: SIGTERM)',
  },

  async run(input, terminal) {
    const config = textOption(input, 'config');
    const env = readEnvironment({ ...terminal.env, ...(config === undefined ? {} : { KOMMUTATOR_CONFIG: config }) });
    const log = createLog(env);
    const { startEngine } = await import('../engine.ts');
    try {
      const engine = await startEngine({ env, log });
      // Not before: a start is long work that nobody waits for in a call.
      if (setThreadPriority('calls')) log.debug('calls have real-time priority');
      else
        log.info('calls have no real-time priority: other work of this machine can hold them up (docs/production.md)');
      terminal.out(engine.banner);
      // Who presses Ctrl-C waits for it; whoever sends SIGTERM replaces a node that has calls.
      if ((await stopSignal()) === 'SIGTERM') await engine.drain(env.drainSeconds * 1000);
      await engine.stop();
      return exitCode.ok;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { issues, files } = error.loaded;
      terminal.err(
        `${issuesText(issues, { color: false, files })}\n\n${env.configFolder}: ${summaryText(issues)}. Nothing was started.`,
      );
      return exitCode.failed;
    }
  },
};

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<keyof typeof signalExit> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(signalExit[signal]);
        stopping = true;
        resolve(signal);
      });
    }
  });
}
