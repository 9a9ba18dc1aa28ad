import { parseArgs } from 'node:util';

import { auditFromTerminal } from './cli/audit-command.js';
import { createUserFromTerminal } from './cli/create-user-command.js';
import { selftestFromTerminal } from './cli/selftest-command.js';
import { sendFromTerminal } from './cli/send-command.js';
import { loadConfig } from './config.js';
import { openFoundation, StartError, type Foundation } from './foundation.js';
import { translate, type Translate } from './lib/i18n.js';
import { openLog } from './lib/log.js';

/** What a command gets, and its exit code. */
export interface Command {
  foundation: Foundation;
  t: Translate;
  values: Record<string, string | undefined>;
  positionals: string[];
}

const COMMANDS = {
  csu: (command: Command) => createUserFromTerminal(command, 'administrator'),
  create_user: (command: Command) => createUserFromTerminal(command, 'user'),
  create_manager: (command: Command) => createUserFromTerminal(command, 'manager'),
  send: sendFromTerminal,
  audit: auditFromTerminal,
  selftest: selftestFromTerminal,
  migrate: async ({ t }: Command) => {
    // Opening the database has migrated it.
    console.log(t('cli.migrated'));
    return 0;
  },
} as const;

process.exitCode = await run(process.argv.slice(2));
process.disconnect?.();

async function run(args: string[]): Promise<number> {
  const loaded = loadConfig();
  if (!loaded.ok) return complain(loaded.fault);
  const t = translate(loaded.config.terminalLocale);
  const parsed = parseArguments(args);
  if (!parsed.ok) return complain(t('cli.unknownOption', { option: parsed.option }));
  const [name = 'help', ...positionals] = parsed.positionals;
  if (name === 'help' || parsed.values['help']) return showHelp(t);
  if (!isCommand(name)) return complain(`${t('cli.unknownCommand', { command: name })}\n\n${helpText(t)}`);
  try {
    // Warnings of the engine would tear the progress bar; its faults are in the ledger.
    const foundation = await openFoundation(loaded.config, openLog('error'));
    try {
      return await COMMANDS[name]({ foundation, t, values: parsed.values, positionals });
    } finally {
      await foundation.close();
    }
  } catch (error) {
    if (error instanceof StartError) return complain(error.message);
    throw error;
  }
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}

type Arguments =
  | { ok: true; values: Record<string, string | undefined>; positionals: string[] }
  | { ok: false; option: string };

function parseArguments(args: string[]): Arguments {
  try {
    const text = { type: 'string' } as const;
    const options = { email: text, name: text, password: text, help: { type: 'boolean', short: 'h' } as const };
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    const { help, ...texts } = values;
    return { ok: true, positionals, values: { ...texts, ...(help ? { help: 'yes' } : {}) } };
  } catch (error) {
    // What util.parseArgs refuses is one of the options typed; its sentence is English only.
    const option =
      args.find((arg) => arg.startsWith('-') && error instanceof Error && error.message.includes(arg)) ??
      args.join(' ');
    return { ok: false, option };
  }
}

function showHelp(t: Translate): number {
  console.log(helpText(t));
  return 0;
}

function helpText(t: Translate): string {
  const names = [...Object.keys(COMMANDS), 'help'] as [...(keyof typeof COMMANDS)[], 'help'];
  const lines = names.map((name) => `  ${name.padEnd(16)}${t(`cli.describe.${name}`)}`);
  return [t('cli.usage'), '', t('cli.commands'), ...lines, '', t('cli.options')].join('\n');
}

function complain(text: string): number {
  console.error(text);
  return 1;
}
