# The words of the set-up page: Français.

language = Français
title = Enregistrements DNS de { $domain }
skip = Aller au contenu
sent = { $sender } vous a envoyé cette page.
sent-by-operator = L’exploitant de { $host } vous a envoyé cette page.
shows = Elle montre ce qu’il faut saisir dans le DNS de { $domain } pour que son courrier arrive et soit jugé fiable.
how = Saisissez chaque enregistrement dans le formulaire de votre hébergeur DNS. Le formulaire affiche-t-il votre domaine après le champ ? Saisissez alors le nom. Sinon, saisissez le nom complet. Appuyez ensuite sur « Vérifier maintenant ».
all-right = Tout est saisi
all-right-text = Chaque enregistrement de { $domain } est juste. Il n’y a plus rien à faire.
some-right = { $right ->
    [one] { $right } enregistrement sur { $all } est juste
   *[other] { $right } enregistrements sur { $all } sont justes
}
some-right-text = Ce qui reste à faire se trouve ci-dessous.
check = Vérifier maintenant
checking = Interrogation des serveurs de noms…
answered = Requêtes qui ont reçu une réponse : { $answered } sur { $asked }.
checked = Vérifié : { $time }.
never-checked = Pas encore vérifié.
wait = { $seconds ->
    [one] Le DNS vient d’être interrogé. Réessayez dans { $seconds } seconde.
   *[other] Le DNS vient d’être interrogé. Réessayez dans { $seconds } secondes.
}
too-many = Trop de vérifications à la fois. Réessayez dans un instant.
failed = La vérification n’a pas fonctionné. Rechargez la page.
unreachable = Le serveur n’a pas pu être joint.
right = Juste
right-warn = Juste, avec un défaut
wrong = Pas encore juste
unseen = Pas encore vu
lost = Perdu
not-needed = Pas nécessaire
type = Type
name = Nom
whole-name = Nom complet
priority = Priorité
value = Valeur
provider = Le DNS est chez { $provider }
provider-fields = Les serveurs de noms l’indiquent. Dans ses pages en anglais, le champ du nom s’appelle « { $name } », celui de la valeur « { $value } ».
provider-at = Pour { $domain } lui-même, le nom est « @ ».
provider-empty = Pour { $domain } lui-même, le nom reste vide.
leave-empty = (laisser vide)
in-parts = En parties
parts = Si le formulaire prend 255 caractères au plus
seen = Vu
todo = À faire
add = Ajoutez cet enregistrement
change = Changez-le ainsi
delete = Supprimez cet enregistrement
now = Actuellement
mx = Courrier entrant
spf = Qui peut envoyer (SPF)
dmarc = Le sort du courrier falsifié (DMARC)
dkim = La clé qui signe (DKIM)
return-path = Où vont les retours d’erreur
other = Enregistrement
zone = Télécharger comme fichier de zone
languages = Langues
expires = Cette page fonctionne jusqu’au { $time }. Elle ne montre que ces enregistrements, et personne ne peut rien changer par elle.
copy = Copier
copied = Copié
copy-yourself = Sélectionnez et copiez vous-même
dead-title = Ce lien ne fonctionne pas
dead = Il a peut-être expiré, ou été retiré. Demandez-en un nouveau à qui vous l’a envoyé.

# What is wrong with a record (the value), and what to do (mend), for each code of a finding.

finding-record_missing = L’enregistrement n’existe pas.
    .mend = Ajoutez-le, exactement sous le nom affiché.

finding-domain_nxdomain = Le domaine lui-même n’existe pas dans le DNS.
    .mend = Enregistrez d’abord le domaine, ou faites déléguer sa zone.

finding-record_at_doubled_name = Le nom de l’enregistrement est suivi une seconde fois du domaine : le formulaire l’a ajouté de lui-même.
    .mend = Saisissez le nom sans le domaine.

finding-record_missing_underscore = L’enregistrement se trouve sous son nom sans le trait de soulignement.
    .mend = Saisissez le nom avec le trait de soulignement ; si le formulaire le refuse, demandez à l’hébergeur DNS.

finding-record_at_apex = L’enregistrement se trouve au niveau du domaine lui-même.
    .mend = Saisissez le nom affiché.

finding-record_at_www = L’enregistrement se trouve sous www.
    .mend = Saisissez le nom sans www.

finding-record_in_parent_zone = L’enregistrement se trouve dans le domaine parent.
    .mend = Créez-le pour le domaine affiché, et non pour celui du dessus.

finding-record_at_mail = L’enregistrement se trouve à mail ou en dessous, le nom d’un serveur de messagerie.
    .mend = Saisissez le nom affiché : l’enregistrement est celui du domaine des adresses, pas celui d’un serveur.

finding-record_at_spf = L’enregistrement SPF se trouve sous un nom à part, comme _spf, où aucun destinataire ne regarde.
    .mend = Saisissez-le au niveau du domaine lui-même, qui s’appelle @ dans la plupart des formulaires.

finding-record_name_incomplete = L’enregistrement se trouve sous un nom dont il manque une partie.
    .mend = Saisissez le nom entier tel qu’il est affiché.

finding-record_from_wildcard = Ce qui est visible vient d’un joker (*) ; il n’y a pas d’enregistrement pour ce nom.
    .mend = Créez un enregistrement pour ce nom précis.

finding-domain_is_alias = Le domaine lui-même est un alias (CNAME) d’un autre nom, et ne peut donc pas avoir ses propres enregistrements.
    .mend = Remplacez le CNAME par des enregistrements d’adresse, ou par ALIAS ou ANAME si le formulaire le propose, puis ajoutez l’enregistrement affiché.

finding-cname_into_nothing = Le nom est un alias (CNAME) d’un nom qui n’a pas un tel enregistrement.
    .mend = Supprimez le CNAME, et ajoutez à sa place l’enregistrement affiché.

finding-domain_added_to_target = La cible se termine par le domaine : le formulaire l’a ajouté de lui-même.
    .mend = Saisissez la cible avec un point à la fin.

finding-wrong_type = Il y a un enregistrement d’un autre type.
    .mend = Changez son type pour celui qui est affiché.

finding-delegation_elsewhere = Les serveurs de noms vers lesquels tout le monde est dirigé ne sont pas ceux que la zone indique : l’enregistrement a peut-être été créé là où personne ne regarde.
    .mend = Créez-le sur les serveurs de noms inscrits chez le bureau d’enregistrement, ou changez ceux-ci.

finding-quotes_in_value = Il y a des guillemets dans la valeur.
    .mend = Saisissez la valeur sans eux ; ils n’ont leur place que dans les fichiers de zone.

finding-escaped_semicolons = Il y a des barres obliques inverses devant les points-virgules de la valeur.
    .mend = Saisissez la valeur sans barres obliques inverses.

finding-smart_quotes = Il y a des guillemets typographiques dans la valeur.
    .mend = Supprimez-les ; un traitement de texte les a mis là.

finding-invisible_characters = Il y a dans la valeur des caractères invisibles, comme une espace insécable.
    .mend = Saisissez-la de nouveau, ou copiez-la en texte brut.

finding-html_entities = Un caractère est écrit à la façon de HTML dans la valeur, comme &quot;.
    .mend = Saisissez le caractère lui-même, ou omettez-le si c’est un guillemet.

finding-name_in_value = Une ligne entière d’un fichier de zone a été saisie comme valeur.
    .mend = Saisissez seulement la valeur.

finding-value_split_with_space = Il y a une espace au milieu d’un mot, là où la valeur a été coupée.
    .mend = Saisissez-la sans cette espace.

finding-value_truncated_at_255 = La valeur s’arrête après 255 caractères au plus.
    .mend = Saisissez la valeur entière, en morceaux de 255 caractères au plus si le formulaire le demande.

finding-value_cut_short = Il manque une partie de la valeur : sa fin ou son début.
    .mend = Saisissez la valeur entière ; si le formulaire n’en prend pas plus, demandez à l’hébergeur DNS comment saisir de longs enregistrements TXT.

finding-value_in_two_records = La valeur a été coupée, et chaque morceau saisi comme un enregistrement à part.
    .mend = Supprimez ces enregistrements, et saisissez la valeur entière en un seul.

finding-semicolons_missing = Il y a des virgules ou des espaces entre les parties, au lieu de points-virgules.
    .mend = Saisissez la valeur affichée, avec ses points-virgules.

finding-value_lowercased = La valeur a perdu ses majuscules.
    .mend = Saisissez-la exactement comme elle est affichée.

finding-propagating = Certains serveurs ont déjà l’enregistrement, d’autres ont encore autre chose.
    .mend = Attendez.

finding-stale_cached = Un résolveur a encore ce que les serveurs de noms de la zone n’ont plus.
    .mend = Publiez l’enregistrement de nouveau.

finding-negative_cached = Un résolveur se souvient encore qu’il n’y avait pas d’enregistrement.
    .mend = Attendez.

finding-nameservers_disagree = Les serveurs de noms de la zone répondent différemment.
    .mend = Mettez la zone sur tous les serveurs.

finding-nameserver_lame = Un des serveurs de noms de la zone ne la sert pas.
    .mend = Retirez-le des enregistrements NS de la zone et chez le bureau d’enregistrement, ou faites-lui servir la zone.

finding-nameserver_not_asked = Un serveur de noms de la zone n’a pas été interrogé : son adresse n’est pas publique, ou il l’a été assez.
    .mend = Donnez-lui une adresse publique, ou retirez-le des enregistrements NS de la zone et chez le bureau d’enregistrement.

finding-cname_loop = Des enregistrements CNAME tournent en rond, ou passent par trop de noms.
    .mend = Publiez l’enregistrement lui-même, ou un CNAME qui y mène.

finding-dnssec_bogus = Les signatures DNSSEC de la zone ne sont pas valides : les résolveurs qui les vérifient n’en voient rien.
    .mend = Corrigez les signatures, ou retirez l’enregistrement DS chez le bureau d’enregistrement.

finding-servfail = Les serveurs de noms de la zone sont en erreur.
    .mend = Attendez : souvent, cela passe tout seul. Si cela reste, demandez à l’hébergeur DNS.

finding-refused = Un serveur a refusé de répondre.
    .mend = Attendez : souvent, cela passe tout seul. Si cela reste, demandez à l’hébergeur DNS.

finding-timeout = Aucune réponse n’est arrivée à temps.
    .mend = Attendez : souvent, cela passe tout seul. Si cela reste, demandez à l’hébergeur DNS.

finding-unreachable = Un serveur n’a pas pu être joint.
    .mend = Attendez : souvent, cela passe tout seul. Si cela reste, demandez à qui vous a envoyé cette page.

finding-malformed_answer = Ce qui est arrivé ne répondait pas à la question.
    .mend = Attendez : souvent, cela passe tout seul. Si cela reste, demandez à l’hébergeur DNS.

finding-dkim_key_mismatch = Une autre clé est publiée.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dkim_key_is_previous = La clé d’un autre sélecteur de ce domaine est publiée.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dkim_multiple = Il y a plus d’un enregistrement TXT là où il n’en faut qu’un.
    .mend = Supprimez-les tous sauf celui qui est affiché.

finding-dkim_revoked = La partie p= de l’enregistrement est vide, ce qui révoque la clé.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dkim_syntax = La valeur n’est pas une clé DKIM.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dkim_hash_not_allowed = La partie h= de l’enregistrement n’autorise pas SHA-256.
    .mend = Supprimez h=.

finding-dkim_service_not_email = La partie s= de l’enregistrement exclut le courrier électronique.
    .mend = Supprimez s=.

finding-dkim_testing = La partie t=y dit que la signature n’est qu’à l’essai.
    .mend = Supprimez y de t=.

finding-dkim_key_too_short = La clé publiée a moins de 1024 bits, et les destinataires ne doivent pas l’accepter.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dkim_key_weak = La clé a moins de 2048 bits.
    .mend = Demandez une nouvelle clé à qui vous a envoyé cette page.

finding-works_at_some_receivers = La clé est juste, mais son enregistrement est écrit d’une façon que seuls certains destinataires acceptent.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dkim_wrong_algorithm = L’enregistrement est pour un autre algorithme.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-spf_missing = Il n’y a pas d’enregistrement SPF.
    .mend = Ajoutez celui qui est affiché.

finding-spf_multiple = Il y a plus d’un enregistrement SPF, ce que les destinataires prennent pour une erreur.
    .mend = Réunissez-les en un seul.

finding-spf_version = Ce qui s’y trouve est censé être SPF, mais ne commence pas par v=spf1 et une espace : les destinataires l’ignorent.
    .mend = Saisissez à sa place l’enregistrement affiché.

finding-spf_space_missing = Il manque une espace entre deux parties de l’enregistrement SPF.
    .mend = Saisissez à sa place l’enregistrement affiché, d’un seul tenant.

finding-spf_syntax = L’enregistrement SPF est mal écrit.
    .mend = Saisissez à sa place l’enregistrement affiché.

finding-spf_mechanism_missing = L’enregistrement SPF n’autorise pas nos serveurs à envoyer.
    .mend = Changez l’enregistrement pour celui qui est affiché, sans en ajouter un second.

finding-spf_include_after_all = Ce qu’il nous faut se trouve après all, où plus rien n’est lu.
    .mend = Placez-le au début.

finding-spf_refused_before = Avant ce qu’il nous faut se trouve une partie sans + qui refuse nos serveurs, ou peut le faire.
    .mend = Placez ce qu’il nous faut au début.

finding-spf_plus_all = L’enregistrement SPF autorise tout le monde à envoyer.
    .mend = Terminez-le par ~all.

finding-spf_too_many_lookups = L’enregistrement SPF demande plus de dix requêtes, ce que les destinataires prennent pour une erreur.
    .mend = Supprimez ce qui ne sert plus.

finding-spf_too_many_void = Plus de deux requêtes de l’enregistrement SPF ne mènent à rien, ce que les destinataires prennent pour une erreur.
    .mend = Supprimez les parties dont les noms n’existent pas.

finding-spf_include_missing = L’enregistrement SPF inclut un domaine qui n’a pas d’enregistrement SPF, ce que les destinataires prennent pour une erreur.
    .mend = Supprimez cet include, ou corrigez son nom.

finding-dmarc_multiple = Il y a plus d’un enregistrement DMARC, ce qui compte comme aucun.
    .mend = Supprimez-les tous sauf un.

finding-dmarc_syntax = La valeur n’est pas un enregistrement DMARC, ou une règle y est mal écrite.
    .mend = Remplacez la valeur par celle qui est affichée.

finding-dmarc_policy_weaker = La règle est plus faible que celle qui est demandée.
    .mend = Changez p=, ou publiez un enregistrement si seul un domaine parent en a un.

finding-dmarc_removed_tag = L’enregistrement a une partie qui ne fait plus partie de DMARC.
    .mend = Supprimez cette partie.

finding-dmarc_report_address = Aucun rapport n’est envoyé à une adresse de l’enregistrement : elle ne commence pas par mailto:.
    .mend = Écrivez mailto: devant l’adresse, ou supprimez-la.

finding-dmarc_report_not_authorised = Aucun rapport n’est envoyé à une adresse d’un autre domaine, car celui-ci ne l’autorise pas pour le vôtre.
    .mend = Ne changez rien : votre enregistrement est juste. Le propriétaire de l’autre domaine doit publier un enregistrement qui autorise les rapports.

finding-mx_missing = Notre serveur de messagerie n’est pas parmi les enregistrements MX.
    .mend = Ajoutez-le, et supprimez les autres.

finding-mx_foreign_preferred = Le courrier va d’abord à un autre serveur.
    .mend = Supprimez les autres, ou donnez-leur une valeur de priorité plus grande.

finding-mx_foreign_equal = Un autre serveur partage le courrier avec le nôtre.
    .mend = Supprimez-le, ou donnez-lui une valeur de priorité plus grande.

finding-mx_null = Un MX vide dit à tous que le domaine ne prend pas de courrier.
    .mend = Remplacez-le par celui qui est affiché ; à côté d’autres, supprimez-le.

finding-mx_implicit = Il n’y a pas d’enregistrement MX ; le courrier ne nous parvient que par l’adresse du domaine.
    .mend = Ajoutez l’enregistrement MX.

finding-mx_cname = Notre serveur de messagerie est un alias, ce qu’il ne doit pas être.
    .mend = Signalez-le à qui vous a envoyé cette page.

finding-mx_unresolvable = Notre serveur de messagerie n’a pas d’adresse.
    .mend = Signalez-le à qui vous a envoyé cette page.

finding-mx_ip_literal = Il y a une adresse IP là où il faut le nom d’un serveur.
    .mend = Indiquez le nom du serveur à la place.

finding-cname_wrong_target = Le CNAME mène ailleurs.
    .mend = Changez sa cible.

finding-cname_proxied_or_flattened = Il y a des adresses là où devrait être le CNAME.
    .mend = Désactivez le proxy ou l’aplatissement (flattening) pour ce nom.
