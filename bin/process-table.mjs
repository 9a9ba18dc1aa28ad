import { readFileSync } from 'node:fs';

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause.code === 'EPERM';
  }
}

/** Together with the id it names one process for ever; empty where there is no /proc. */
export function readStartTime(pid) {
  return readFields(pid)[19] ?? '';
}

/** The id of the parent; empty where there is no /proc. */
export function readParent(pid) {
  return readFields(pid)[1] ?? '';
}

/** The command line, its words parted by spaces; empty where there is no /proc. */
export function readCommand(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Of proc(5) stat, the fields from the third on. The name before them may hold spaces, but no ")" stands after it. */
function readFields(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
