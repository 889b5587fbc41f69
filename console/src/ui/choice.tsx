interface Props {
  label: string;
  value: string;
  /** Pairs of value and text. */
  options: readonly (readonly [string, string])[];
  /** The text of the choice of nothing. Without it, something is always chosen. */
  blank?: string;
  disabled?: boolean;
  onChange: (value: string) => void;
}

/** A drop-down list with its label. */
export function Choice({ label, value, options, blank, disabled = false, onChange }: Props) {
  return (
    <label className="inline">
      {label}
      <select value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
        {blank !== undefined && <option value="">{blank}</option>}
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
