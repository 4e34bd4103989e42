#include "ottl/time/locale.h"

#include "base/text.h"

namespace weir::ottl {

const Locale* find_locale(std::string_view tag) {
  static constexpr std::array locales{
      Locale{"en",
             {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
             {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
             {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
             {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}},
      Locale{"de",
             {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
             {"Jan", "Feb", "März", "Apr", "Mai", "Juni", "Juli", "Aug", "Sept", "Okt", "Nov", "Dez"},
             {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
             {"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"}},
      Locale{"fr",
             {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
             {"janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"},
             {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
             {"dim", "lun", "mar", "mer", "jeu", "ven", "sam"}},
      Locale{"es",
             {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
             {"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
             {"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
             {"dom", "lun", "mar", "mié", "jue", "vie", "sáb"},
             "a.m.", "p.m."},
      Locale{"it",
             {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
             {"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"},
             {"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
             {"dom", "lun", "mar", "mer", "gio", "ven", "sab"}},
      Locale{"pt",
             {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"},
             {"jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"},
             {"domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado"},
             {"dom", "seg", "ter", "qua", "qui", "sex", "sáb"}},
      Locale{"nl",
             {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
             {"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
             {"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
             {"zo", "ma", "di", "wo", "do", "vr", "za"},
             "a.m.", "p.m."},
      Locale{"sv",
             {"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
             {"jan", "feb", "mars", "apr", "maj", "juni", "juli", "aug", "sep", "okt", "nov", "dec"},
             {"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"},
             {"sön", "mån", "tis", "ons", "tors", "fre", "lör"},
             "fm", "em"},
      Locale{"da",
             {"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december"},
             {"jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
             {"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
             {"søn", "man", "tirs", "ons", "tors", "fre", "lør"}},
      Locale{"nb",
             {"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"},
             {"jan", "feb", "mars", "apr", "mai", "juni", "juli", "aug", "sep", "okt", "nov", "des"},
             {"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
             {"søn", "man", "tir", "ons", "tor", "fre", "lør"},
             "a.m.", "p.m."},
      Locale{"pl",
             {"stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia"},
             {"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"},
             {"niedziela", "poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota"},
             {"niedz", "pon", "wt", "śr", "czw", "pt", "sob"}},
  };
  std::string language = to_lower(tag.substr(0, tag.find_first_of("-_")));
  if (language == "no") language = "nb";
  for (auto& locale : locales)
    if (locale.language == language) return &locale;
  return nullptr;
}

}  // namespace weir::ottl
