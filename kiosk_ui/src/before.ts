/** The few words said while there is no release yet, in French then English: pairing, waiting, out of service. */

const WORDS = {
  "starting": ["La borne démarre.", "The kiosk is starting."],
  "pairing.title": ["Borne à rattacher", "Kiosk to be paired"],
  "pairing.lead": ["Comparez ce code avec celui de la page « Enrôlement », puis confirmez.", "Compare this code with the one on the enrolment page, then confirm."],
  "pairing.server": ["Serveur", "Server"],
  "waiting.title": ["Bonjour. La borne se prépare.", "Hello. This kiosk is getting ready."],
  "waiting.lead": ["Elle reçoit ses contenus. Revenez dans quelques minutes.", "It is receiving its contents. Please come back in a few minutes."],
  "out.title": ["Cette borne ne marche pas en ce moment.", "This kiosk is out of service."],
  "out.lead": ["Nous avons été prévenus. L’accueil du lieu peut vous aider.", "We have been told. The reception desk can help you."],
  "out.call": ["Vous pouvez appeler le", "You can call"],
  "maintenance.title": ["Borne en maintenance", "Kiosk under maintenance"],
  "maintenance.lead": ["Elle revient bientôt. L’accueil du lieu peut vous aider.", "It will be back soon. The reception desk can help you."],
  "message": ["Message de l’équipe", "Message from the team"],
  "bench.title": ["Banc de mise en service", "Commissioning bench"],
  "bench.measures": ["Mesure en cours :", "Measuring:"],
  "bench.frames": ["fluidité de l’écran", "smoothness of the screen"],
  "bench.audio": ["son", "sound"],
  "bench.video": ["vidéo", "video"],
  "bench.touch": ["Touchez chaque case :", "Touch each cell:"],
  "bench.cell": ["Case", "Cell"],
  "identify": ["Borne", "Kiosk"],
} as const;

export function before(key: keyof typeof WORDS): readonly [string, string] {
  return WORDS[key];
}
