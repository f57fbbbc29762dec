import { before } from "../before";

/** A line from whoever runs the kiosk, above whatever is shown. It takes no touch: what a visitor does goes on. */
export function StaffMessage({ text }: { text: string }) {
  return (
    <div class="message" role="status">
      <p class="soft small">{before("message")[0]}</p>
      <p class="lead">{text}</p>
    </div>
  );
}
