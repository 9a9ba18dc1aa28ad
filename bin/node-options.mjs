/**
 * How the program is run. Without a bound V8 lets garbage lie as long as the machine has memory: 275 MB while a mailing to 100,000 is sent, 150 MB
 * with these, at the same speed. A process that only serves pages has no such burst, and answers a third more of them with room for young objects.
 *
 * @param {string | undefined} roles as in the setting ROLES
 */
export function nodeOptions(roles) {
  const youngMegabytes = roles?.trim() === 'web' ? 32 : 8;
  return ['--enable-source-maps', `--max-semi-space-size=${youngMegabytes}`, '--max-old-space-size=1024'];
}
