import { pino, type Logger } from 'pino';

export type Log = Logger;

/** Structured lines on standard error, so that standard output stays for people. Nothing secret is passed in; what could be is cut. */
export function openLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['*.password', '*.secret', '*.token', '*.cookie', '*.authorization', '*.smtpUrl', '*.databaseUrl'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
