// pure
/** What the findings of a self-test mean. */

export interface SelftestFindings {
  letters: number;
  /** In the ledger. */
  listed: number;
  accepted: number;
  inDoubt: number;
  /** Neither accepted nor in doubt at the end. */
  unsettled: number;
  /** In doubt, and at the mail server all the same. */
  inDoubtArrived: number;
  /** Accepted, and never at the mail server. */
  acceptedAbsent: number;
  /** Addresses that got more than one letter. */
  doubled: number;
  imbalances: number;
  killed: number;
  /** At the mail server. */
  arrived: number;
  /** From the first letter to the last one. */
  sendingSeconds: number;
  /** All in all. */
  seconds: number;
}

export type SelftestFault = 'lost' | 'doubled' | 'tooManyInDoubt' | 'unbalanced';

/** What a process has under way at most (decision 17). */
const UNDER_WAY = 256;

export function judgeSelftest(findings: SelftestFindings): { lost: number; rate: number; faults: SelftestFault[] } {
  const { letters, listed, unsettled, acceptedAbsent, doubled, imbalances, inDoubt, killed } = findings;
  const lost = letters - listed + unsettled + acceptedAbsent;
  const facts: [fault: SelftestFault, isSo: boolean][] = [
    ['lost', lost !== 0],
    ['doubled', doubled > 0],
    ['tooManyInDoubt', inDoubt > killed * UNDER_WAY],
    ['unbalanced', imbalances > 0],
  ];
  const rate = findings.arrived / Math.max(findings.sendingSeconds, 0.001);
  return { lost, rate, faults: facts.filter(([, isSo]) => isSo).map(([fault]) => fault) };
}
