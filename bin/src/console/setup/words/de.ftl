# The words of the set-up page: Deutsch.

language = Deutsch
title = DNS-Einträge für { $domain }
skip = Zum Inhalt springen
sent = { $sender } hat Ihnen diese Seite geschickt.
sent-by-operator = Der Betreiber von { $host } hat Ihnen diese Seite geschickt.
shows = Sie zeigt, was im DNS von { $domain } eingetragen werden muss, damit Post ankommt und ihr vertraut wird.
how = Tragen Sie jeden Eintrag in das Formular Ihres DNS-Anbieters ein. Zeigt das Formular Ihre Domain hinter dem Feld? Dann tragen Sie den Namen ein. Wenn nicht, den ganzen Namen. Drücken Sie danach „Jetzt prüfen“.
all-right = Alles ist eingetragen
all-right-text = Jeder Eintrag von { $domain } stimmt. Es ist nichts mehr zu tun.
some-right = { $right ->
    [one] { $right } von { $all } Einträgen stimmt
   *[other] { $right } von { $all } Einträgen stimmen
}
some-right-text = Darunter steht, was noch zu tun ist.
check = Jetzt prüfen
checking = Die Nameserver werden gefragt…
answered = Beantwortete Abfragen: { $answered } von { $asked }.
checked = Geprüft: { $time }.
never-checked = Noch nicht geprüft.
wait = { $seconds ->
    [one] Das DNS wurde gerade gefragt. Versuchen Sie es in { $seconds } Sekunde wieder.
   *[other] Das DNS wurde gerade gefragt. Versuchen Sie es in { $seconds } Sekunden wieder.
}
too-many = Zu viele Prüfungen auf einmal. Versuchen Sie es gleich noch einmal.
failed = Die Prüfung hat nicht funktioniert. Laden Sie die Seite neu.
unreachable = Der Server war nicht zu erreichen.
right = Stimmt
right-warn = Stimmt, mit einem Mangel
wrong = Stimmt noch nicht
unseen = Noch nicht gesehen
lost = Verloren
not-needed = Nicht nötig
type = Typ
name = Name
whole-name = Ganzer Name
priority = Priorität
value = Wert
provider = Das DNS liegt bei { $provider }
provider-fields = Das sagen die Nameserver. Auf den englischen Seiten dort heißt das Feld des Namens „{ $name }“, das des Werts „{ $value }“.
provider-at = Für { $domain } selbst ist der Name „@“.
provider-empty = Für { $domain } selbst bleibt der Name leer.
leave-empty = (leer lassen)
in-parts = In Teilen
parts = Wenn das Formular höchstens 255 Zeichen annimmt
seen = Gesehen
todo = Was zu tun ist
add = Diesen Eintrag hinzufügen
change = So ändern
delete = Diesen Eintrag löschen
now = Jetzt
mx = Eingehende Post
spf = Wer senden darf (SPF)
dmarc = Was mit gefälschter Post geschieht (DMARC)
dkim = Der Schlüssel, der unterschreibt (DKIM)
return-path = Wohin Unzustellbares geht
other = Eintrag
zone = Als Zonendatei herunterladen
languages = Sprachen
expires = Diese Seite funktioniert bis { $time }. Sie zeigt nichts als diese Einträge, und niemand kann durch sie etwas ändern.
copy = Kopieren
copied = Kopiert
copy-yourself = Bitte markieren und selbst kopieren
dead-title = Dieser Link funktioniert nicht
dead = Vielleicht ist er abgelaufen oder wurde zurückgezogen. Bitten Sie, wer ihn geschickt hat, um einen neuen.

# What is wrong with a record (the value), and what to do (mend), for each code of a finding.

finding-record_missing = Der Eintrag fehlt.
    .mend = Legen Sie ihn unter genau dem angezeigten Namen an.

finding-domain_nxdomain = Die Domain selbst gibt es im DNS nicht.
    .mend = Registrieren Sie zuerst die Domain, oder lassen Sie ihre Zone delegieren.

finding-record_at_doubled_name = Hinter dem Namen des Eintrags steht die Domain ein zweites Mal: Das Formular hat sie selbst angehängt.
    .mend = Tragen Sie den Namen ohne die Domain ein.

finding-record_missing_underscore = Der Eintrag steht unter dem Namen ohne Unterstrich.
    .mend = Tragen Sie den Namen mit dem Unterstrich ein. Wenn das Formular ihn ablehnt, fragen Sie den DNS-Anbieter.

finding-record_at_apex = Der Eintrag steht bei der Domain selbst.
    .mend = Tragen Sie den angezeigten Namen ein.

finding-record_at_www = Der Eintrag steht unter www.
    .mend = Tragen Sie den Namen ohne www ein.

finding-record_in_parent_zone = Der Eintrag steht in der übergeordneten Domain.
    .mend = Legen Sie ihn für die angezeigte Domain an, nicht für die darüber.

finding-record_at_mail = Der Eintrag steht bei oder unter mail, dem Namen eines Mailservers.
    .mend = Tragen Sie den angezeigten Namen ein: Der Eintrag gehört zur Domain der Adressen, nicht zu einem Mailserver.

finding-record_at_spf = Der SPF-Eintrag steht unter einem eigenen Namen, etwa _spf, wo kein Empfänger nachsieht.
    .mend = Tragen Sie ihn bei der Domain selbst ein. Ihr Name ist in den meisten Formularen @.

finding-record_name_incomplete = Der Eintrag steht unter einem Namen, dem ein Teil fehlt.
    .mend = Tragen Sie den ganzen angezeigten Namen ein.

finding-record_from_wildcard = Was zu sehen ist, kommt von einem Platzhalter (*); für diesen Namen gibt es keinen Eintrag.
    .mend = Legen Sie einen Eintrag für genau diesen Namen an.

finding-domain_is_alias = Die Domain selbst ist ein Alias (CNAME) eines anderen Namens und kann deshalb keine eigenen Einträge haben.
    .mend = Ersetzen Sie den CNAME durch Adresseinträge oder durch ALIAS oder ANAME, wenn das Formular das anbietet, und fügen Sie den angezeigten Eintrag hinzu.

finding-cname_into_nothing = Der Name ist ein Alias (CNAME) eines Namens, unter dem es keinen solchen Eintrag gibt.
    .mend = Löschen Sie den CNAME, und legen Sie stattdessen den angezeigten Eintrag an.

finding-domain_added_to_target = Das Ziel endet mit der Domain: Das Formular hat sie selbst angehängt.
    .mend = Tragen Sie das Ziel mit einem Punkt am Ende ein.

finding-wrong_type = Es gibt einen Eintrag eines anderen Typs.
    .mend = Ändern Sie seinen Typ in den angezeigten.

finding-delegation_elsewhere = Die Nameserver, zu denen alle geschickt werden, sind nicht die, die die Zone für sich selbst nennt: Vielleicht wurde der Eintrag dort angelegt, wo niemand nachsieht.
    .mend = Legen Sie ihn bei den Nameservern an, die beim Registrar stehen, oder ändern Sie diese beim Registrar.

finding-quotes_in_value = Im Wert stehen Anführungszeichen.
    .mend = Tragen Sie den Wert ohne sie ein; sie gehören nur in Zonendateien.

finding-escaped_semicolons = Vor den Semikolons des Wertes stehen Backslashes.
    .mend = Tragen Sie den Wert ohne Backslashes ein.

finding-smart_quotes = Im Wert stehen typografische Anführungszeichen.
    .mend = Entfernen Sie sie; ein Textprogramm hat sie eingesetzt.

finding-invisible_characters = Im Wert stehen unsichtbare Zeichen, etwa ein geschütztes Leerzeichen.
    .mend = Tippen Sie ihn neu, oder kopieren Sie ihn als reinen Text.

finding-html_entities = Im Wert steht ein Zeichen in der Schreibweise von HTML, etwa &quot;.
    .mend = Tragen Sie das Zeichen selbst ein. Ein Anführungszeichen lassen Sie weg.

finding-name_in_value = Als Wert wurde eine ganze Zeile einer Zonendatei eingetragen.
    .mend = Tragen Sie nur den Wert ein.

finding-value_split_with_space = Mitten in einem Wort steht ein Leerzeichen, wo der Wert geteilt wurde.
    .mend = Tragen Sie ihn ohne dieses Leerzeichen ein.

finding-value_truncated_at_255 = Der Wert endet nach höchstens 255 Zeichen.
    .mend = Tragen Sie den ganzen Wert ein, in Teilen von höchstens 255 Zeichen, wenn das Formular es verlangt.

finding-value_cut_short = Ein Teil des Wertes fehlt: sein Ende oder sein Anfang.
    .mend = Tragen Sie den ganzen Wert ein. Wenn das Formular nicht mehr annimmt, fragen Sie den DNS-Anbieter, wie man lange TXT-Einträge anlegt.

finding-value_in_two_records = Der Wert wurde zerteilt, und jeder Teil wurde als eigener Eintrag angelegt.
    .mend = Löschen Sie diese Einträge, und legen Sie den ganzen Wert als einen an.

finding-semicolons_missing = Zwischen den Angaben stehen Kommas oder Leerzeichen statt Semikolons.
    .mend = Tragen Sie den angezeigten Wert ein, mit seinen Semikolons.

finding-value_lowercased = Der Wert hat seine Großbuchstaben verloren.
    .mend = Tragen Sie ihn genau so ein, wie er angezeigt wird.

finding-propagating = Einige Server haben den Eintrag schon, andere haben noch etwas anderes.
    .mend = Warten Sie.

finding-stale_cached = Ein Resolver hat noch, was die Nameserver der Zone nicht mehr haben.
    .mend = Legen Sie den Eintrag wieder an.

finding-negative_cached = Ein Resolver merkt sich noch, dass es keinen Eintrag gab.
    .mend = Warten Sie.

finding-nameservers_disagree = Die Nameserver der Zone antworten verschieden.
    .mend = Bringen Sie die Zone auf alle Nameserver.

finding-nameserver_lame = Ein Nameserver der Zone kennt die Zone nicht.
    .mend = Entfernen Sie ihn aus den NS-Einträgen der Zone und beim Registrar, oder richten Sie die Zone dort ein.

finding-nameserver_not_asked = Ein Nameserver der Zone wurde nicht gefragt: Seine Adresse ist nicht öffentlich, oder er wurde oft genug gefragt.
    .mend = Geben Sie ihm eine öffentliche Adresse, oder entfernen Sie ihn aus den NS-Einträgen der Zone und beim Registrar.

finding-cname_loop = CNAME-Einträge führen im Kreis oder über zu viele Namen.
    .mend = Legen Sie den Eintrag selbst an, oder einen CNAME, der zu ihm führt.

finding-dnssec_bogus = Die DNSSEC-Signaturen der Zone stimmen nicht; Resolver, die sie prüfen, sehen nichts von ihr.
    .mend = Bringen Sie die Signaturen in Ordnung, oder ziehen Sie den DS-Eintrag beim Registrar zurück.

finding-servfail = Die Nameserver der Zone melden einen Fehler.
    .mend = Warten Sie: Oft geht das von selbst vorüber. Wenn es bleibt, fragen Sie den DNS-Anbieter.

finding-refused = Ein Server hat die Antwort verweigert.
    .mend = Warten Sie: Oft geht das von selbst vorüber. Wenn es bleibt, fragen Sie den DNS-Anbieter.

finding-timeout = Es kam nicht rechtzeitig eine Antwort.
    .mend = Warten Sie: Oft geht das von selbst vorüber. Wenn es bleibt, fragen Sie den DNS-Anbieter.

finding-unreachable = Ein Server war nicht zu erreichen.
    .mend = Warten Sie: Oft geht das von selbst vorüber. Wenn es bleibt, wenden Sie sich an den, der Ihnen diese Seite geschickt hat.

finding-malformed_answer = Was kam, war keine Antwort auf die Frage.
    .mend = Warten Sie: Oft geht das von selbst vorüber. Wenn es bleibt, fragen Sie den DNS-Anbieter.

finding-dkim_key_mismatch = Ein anderer Schlüssel ist veröffentlicht.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dkim_key_is_previous = Der Schlüssel eines anderen Selektors dieser Domain ist veröffentlicht.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dkim_multiple = Es gibt mehr als einen TXT-Eintrag, wo einer stehen muss.
    .mend = Löschen Sie alle bis auf den angezeigten.

finding-dkim_revoked = Die Angabe p= des Eintrags ist leer; das widerruft den Schlüssel.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dkim_syntax = Der Wert ist kein DKIM-Schlüssel.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dkim_hash_not_allowed = Die Angabe h= des Eintrags erlaubt SHA-256 nicht.
    .mend = Entfernen Sie h=.

finding-dkim_service_not_email = Die Angabe s= des Eintrags schließt E-Mail aus.
    .mend = Entfernen Sie s=.

finding-dkim_testing = Die Angabe t=y sagt, dass das Signieren nur erprobt wird.
    .mend = Entfernen Sie y aus t=.

finding-dkim_key_too_short = Der veröffentlichte Schlüssel hat weniger als 1024 Bit; Empfänger dürfen ihn nicht annehmen.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dkim_key_weak = Der Schlüssel hat weniger als 2048 Bit.
    .mend = Bitten Sie, wer Ihnen diese Seite geschickt hat, um einen neuen Schlüssel.

finding-works_at_some_receivers = Der Schlüssel stimmt, aber sein Eintrag ist so geschrieben, dass ihn nur manche Empfänger annehmen.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dkim_wrong_algorithm = Der Eintrag ist für ein anderes Verfahren.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-spf_missing = Es gibt keinen SPF-Eintrag.
    .mend = Legen Sie den angezeigten an.

finding-spf_multiple = Es gibt mehr als einen SPF-Eintrag; das ist für Empfänger ein Fehler.
    .mend = Fassen Sie sie zu einem zusammen.

finding-spf_version = Was da steht, ist als SPF gemeint, beginnt aber nicht mit v=spf1 und einem Leerzeichen; Empfänger übergehen es.
    .mend = Tragen Sie an seiner Stelle den angezeigten Eintrag ein.

finding-spf_space_missing = Zwischen zwei Angaben des SPF-Eintrags fehlt das Leerzeichen.
    .mend = Tragen Sie an seiner Stelle den angezeigten Eintrag ein, in einem Stück.

finding-spf_syntax = Der SPF-Eintrag ist fehlerhaft geschrieben.
    .mend = Tragen Sie an seiner Stelle den angezeigten Eintrag ein.

finding-spf_mechanism_missing = Der SPF-Eintrag erlaubt unseren Servern das Senden nicht.
    .mend = Ändern Sie den Eintrag in den angezeigten; legen Sie keinen zweiten an.

finding-spf_include_after_all = Was wir brauchen, steht hinter all, wo nichts mehr gelesen wird.
    .mend = Setzen Sie es an den Anfang.

finding-spf_refused_before = Vor dem, was wir brauchen, steht eine Angabe ohne +, die unsere Server abweist oder abweisen kann.
    .mend = Setzen Sie, was wir brauchen, an den Anfang.

finding-spf_plus_all = Der SPF-Eintrag erlaubt allen das Senden.
    .mend = Beenden Sie ihn mit ~all.

finding-spf_too_many_lookups = Der SPF-Eintrag braucht mehr als zehn Abfragen; das ist für Empfänger ein Fehler.
    .mend = Entfernen Sie, was nicht mehr gebraucht wird.

finding-spf_too_many_void = Mehr als zwei Abfragen des SPF-Eintrags führen ins Leere; das ist für Empfänger ein Fehler.
    .mend = Entfernen Sie die Angaben, deren Namen es nicht gibt.

finding-spf_include_missing = Der SPF-Eintrag schließt eine Domain ein, die keinen SPF-Eintrag hat; das ist für Empfänger ein Fehler.
    .mend = Entfernen Sie dieses include, oder berichtigen Sie den Namen.

finding-dmarc_multiple = Es gibt mehr als einen DMARC-Eintrag; das zählt wie keiner.
    .mend = Löschen Sie alle bis auf einen.

finding-dmarc_syntax = Der Wert ist kein DMARC-Eintrag, oder eine Regel darin ist falsch geschrieben.
    .mend = Ersetzen Sie den Wert durch den angezeigten.

finding-dmarc_policy_weaker = Die Regel ist schwächer als die gewünschte.
    .mend = Ändern Sie p=, oder legen Sie einen eigenen Eintrag an, wenn nur eine Domain darüber einen hat.

finding-dmarc_removed_tag = Der Eintrag hat eine Angabe, die nicht mehr zu DMARC gehört.
    .mend = Entfernen Sie diese Angabe.

finding-dmarc_report_address = An eine Adresse im Eintrag gehen keine Berichte: Sie beginnt nicht mit mailto:.
    .mend = Schreiben Sie mailto: vor die Adresse, oder entfernen Sie sie.

finding-dmarc_report_not_authorised = An eine Adresse in einer anderen Domain gehen keine Berichte, weil diese es für Ihre Domain nicht erlaubt.
    .mend = Ändern Sie nichts: Ihr Eintrag stimmt. Der Inhaber der anderen Domain muss einen Eintrag anlegen, der die Berichte erlaubt.

finding-mx_missing = Unser Mailserver steht nicht unter den MX-Einträgen.
    .mend = Fügen Sie ihn hinzu, und entfernen Sie die anderen.

finding-mx_foreign_preferred = Die Post geht zuerst an einen anderen Server.
    .mend = Entfernen Sie die anderen MX-Einträge, oder geben Sie ihnen eine größere Prioritätszahl.

finding-mx_foreign_equal = Ein anderer Server teilt sich die Post mit unserem.
    .mend = Entfernen Sie ihn, oder geben Sie ihm eine größere Prioritätszahl.

finding-mx_null = Ein leerer MX-Eintrag sagt allen, dass die Domain keine Post annimmt.
    .mend = Ersetzen Sie ihn durch den angezeigten; neben anderen löschen Sie ihn.

finding-mx_implicit = Es gibt keinen MX-Eintrag; die Post kommt nur über die Adresse der Domain selbst zu uns.
    .mend = Legen Sie den MX-Eintrag an.

finding-mx_cname = Unser Mailserver ist ein Alias; das darf er nicht sein.
    .mend = Sagen Sie es, wer Ihnen diese Seite geschickt hat.

finding-mx_unresolvable = Unser Mailserver hat keine Adresse.
    .mend = Sagen Sie es, wer Ihnen diese Seite geschickt hat.

finding-mx_ip_literal = Wo der Name eines Mailservers stehen muss, steht eine IP-Adresse.
    .mend = Tragen Sie stattdessen den Namen des Servers ein.

finding-cname_wrong_target = Der CNAME führt woandershin.
    .mend = Ändern Sie sein Ziel.

finding-cname_proxied_or_flattened = Wo der CNAME stehen muss, stehen Adressen.
    .mend = Schalten Sie den Proxy oder das Auflösen (Flattening) für diesen Namen ab.
