# The option timerConfig of drills, of this machine's dumps and of copies.
lib:
import ./timer-option.nix lib {
  default = {
    OnCalendar = "weekly";
    Persistent = true;
  };
  example.OnCalendar = "daily";
  description = "When to drill.";
}
