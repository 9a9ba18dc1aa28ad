import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Installation } from './oversight.js';

interface Figure {
  label: string;
  number: number;
  /** The list that holds them. */
  href?: string;
}

/** How things stand now, whatever range is chosen: each figure leads to what it counts. */
export function InstallationTotals({
  view,
  installation: { users, letters },
}: {
  view: View;
  installation: Installation;
}) {
  const t = view.t;
  return (
    <div class="oversight-totals">
      <TotalGroup
        view={view}
        title={t('oversight.totals.letters')}
        width="wide"
        figures={[
          { label: t('oversight.accepted'), number: letters.accepted },
          { label: t('oversight.rejected'), number: letters.rejected },
          { label: t('oversight.inDoubt'), number: letters.inDoubt },
          { label: t('oversight.waiting'), number: letters.waiting },
        ]}
      />
      <TotalGroup
        view={view}
        title={t('oversight.totals.users')}
        width="middle"
        figures={(['active', 'unconfirmed', 'blocked'] as const).map((state) => ({
          label: t(`oversight.userStates.${state}`),
          number: users[state],
          href: `/oversight/users?state=${state}`,
        }))}
      />
    </div>
  );
}

interface TotalGroupProps {
  view: View;
  title: string;
  width: 'wide' | 'middle';
  figures: Figure[];
}

function TotalGroup({ view, title, width, figures }: TotalGroupProps) {
  return (
    <section class={`oversight-group oversight-group-${width}`}>
      <h2>{title}</h2>
      <dl class="totals">
        {figures.map(({ label, number, href }) => (
          <div>
            <dt>{label}</dt>
            <dd>{href && number > 0 ? <a href={href}>{formatNumber(view, number)}</a> : formatNumber(view, number)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
