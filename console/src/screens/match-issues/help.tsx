import { Dialog } from "../../ui/dialog";
import { KEYS } from "./keys";

interface Props {
  open: boolean;
  onClose: () => void;
  on: boolean;
  onSwitch: (on: boolean) => void;
}

export function Help({ open, onClose, on, onSwitch }: Props) {
  return (
    <Dialog open={open} onClose={onClose} title="Keys">
      <table className="keys">
        <tbody>
          {Object.entries(KEYS).map(([act, { shown, does }]) => (
            <tr key={act}>
              <th scope="row">
                <kbd>{shown}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="muted">
        After each decision the next issue is shown. An arrow points to the side whose value is overwritten.
      </p>
      <label className="check">
        <input type="checkbox" checked={on} onChange={(event) => onSwitch(event.target.checked)} /> Use these
        keys
      </label>
    </Dialog>
  );
}
