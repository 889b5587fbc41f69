import { useEffect, useState } from "react";

const PAUSE = 300; // milliseconds

/** The value once nobody has changed it for a moment (debounce): what somebody types is sent after the last key, not after each. */
export function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(() => value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
