import type { ComponentProps, ReactNode } from "react";

interface Props extends ComponentProps<"button"> {
  kind?: "primary" | "plain" | "danger";
  /** The key that does the same, shown on the button. */
  hint?: string;
  children: ReactNode;
}

export function Button({ kind = "plain", hint, children, className = "", ...rest }: Props) {
  return (
    <button type="button" {...rest} className={`button ${kind} ${className}`}>
      {children}
      {hint && <Key>{hint}</Key>}
    </button>
  );
}

export function Key({ children }: { children: ReactNode }) {
  return <kbd aria-hidden="true">{children}</kbd>;
}
