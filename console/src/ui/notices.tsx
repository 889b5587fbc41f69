import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from "react";

interface Notice {
  id: number;
  text: string;
  kind: "done" | "refused";
}

type Tell = (text: string, kind?: Notice["kind"]) => void;

const NoticeContext = createContext<Tell>(() => {});
const SHOWN = { done: 4_000, refused: 12_000 };

/** Short messages at the edge of the screen, which screen readers read out. */
export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const next = useRef(0);
  const tell = useCallback<Tell>((text, kind = "done") => {
    const id = next.current++;
    setNotices((before) => [...before.slice(-2), { id, text, kind }]);
    setTimeout(() => setNotices((before) => before.filter((one) => one.id !== id)), SHOWN[kind]);
  }, []);
  return (
    <NoticeContext value={tell}>
      {children}
      <div className="notices" role="status" aria-live="polite">
        {notices.map((one) => (
          <p key={one.id} className={`notice ${one.kind}`}>
            {one.text}
          </p>
        ))}
      </div>
    </NoticeContext>
  );
}

export function useTell(): Tell {
  return useContext(NoticeContext);
}
