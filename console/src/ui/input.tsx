import type { ComponentProps } from "react";

interface Props extends Omit<ComponentProps<"input">, "onChange"> {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** An input of one line with its label. */
export function Input({ label, onChange, ...rest }: Props) {
  return (
    <label className="inline">
      {label}
      <input {...rest} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}
