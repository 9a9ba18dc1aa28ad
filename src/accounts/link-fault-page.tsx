import type { Child } from 'hono/jsx';

import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';

interface LinkFaultPageProps {
  view: View;
  title: string;
  text: string;
  /** Where to go on from here. */
  href: string;
  label: string;
  children?: Child;
}

/** Why a link of a letter, or a registration, leads nowhere, and what to do instead. */
export function LinkFaultPage({ view, title, text, href, label, children }: LinkFaultPageProps) {
  return (
    <Layout view={view} title={title} narrow>
      <p>{text}</p>
      <div class="form-actions">
        <a class="btn btn-primary" href={href}>
          {label}
        </a>
        {children}
      </div>
    </Layout>
  );
}
