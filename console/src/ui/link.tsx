import type { MouseEvent, ReactNode } from "react";
import { go } from "../routing";

interface Props {
  to: string;
  className?: string;
  current?: boolean;
  children: ReactNode;
}

/** A link to a place in the console, which is followed without a load of the page. */
export function Link({ to, className, current = false, children }: Props) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} className={className} aria-current={current ? "page" : undefined} onClick={follow}>
      {children}
    </a>
  );
}
