package mapping

import (
	"slices"
	"strings"
	"unicode"

	"heatwatch/models"
)

// synonyms are what agencies call our columns, folded. One name may stand for several: a kind of record has one of them.
var synonyms = func() map[string][]string {
	all := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(`
first_name    fname firstname givenname clientfirstname youthfirstname
middle_name   mname middlename middleinitial mi clientmiddlename
last_name     lname lastname surname familyname clientlastname youthlastname
suffix        namesuffix generation
aliases       alias aka alsoknownas nickname nicknames othernames streetname moniker
birth_date    dob dateofbirth birthdate birthday bdate clientdob
birth_year    yob yearofbirth birthyear
ssn           socialsecuritynumber socialsecurity socialsecurityno socsecid ss ssno last4 last4ssn
phone         phonenumber telephone tel cell cellphone mobile mobilephone
postal_code   zip zipcode postcode postalcode
locality      city town suburb cityofresidence
person_key    clientid clientnumber clientno personid personno caseid childid youthid participantid subjectid mrn
gender        sex genderidentity
race_ethnicity race ethnicity raceethnicity
home_area     residence residencearea
release       roi releaseofinformation consent
release_until roiexpires consentuntil releaseexpires
engagement_id intakeid contactid encounterid
engaged_at    engagementdate intakedate datetimeofcontact encounterdate contactdate
channel       referralsource source howreferred
setting       location place
age           ageatintake ageatcontact
referral_id   refid
referred_at   referraldate datereferred
to_agency_kind referredto
service_id    svcid
service_type  service typeofservice svctype
emergency     urgent urgentservice crisis
started_at    startdate servicedate dateofservice start begin begindate startdatetime
ended_at      enddate end enddatetime
placement_id  stayid bedid
placement_type placement typeofplacement
started_on    startdate start entrydate admitdate admissiondate movein moveindate placedon
ended_on      enddate end exitdate dischargedate moveout moveoutdate
exit_reason   reasonforleaving dischargereason reason
contact_id    visitid
contact_on    contactdate visitdate dateofcontact
contact_type  typeofcontact mode
assessment_id screeningid
assessed_on   assessmentdate dateassessed screeningdate
tool          instrument
arrest_id     bookingid arrestnumber
arrested_at   arrestdate dateofarrest
party_role    role
case_id       casenumber docketnumber
filed_on      filingdate datefiled
disposed_on   dispositiondate
training_id   classid
held_on       date eventdate trainingdate
event_id      outreachid
pledged_on    pledgedate
interviewed_on interviewdate
`), "\n") {
		words := strings.Fields(line)
		for _, w := range words[1:] {
			all[w] = append(all[w], words[0])
		}
	}
	return all
}()

// codeSynonyms are what agencies write for our codes, folded. Where a kind of record has both, the order decides.
var codeSynonyms = map[string][]string{"f": {"female"}, "m": {"male"}, "w": {"female"}, "girl": {"female"}, "woman": {"female"}, "boy": {"male"}, "man": {"male"}, "nb": {"nonbinary"}, "enby": {"nonbinary"}, "trans": {"transgender"},
	"hispanic": {"hispanic_latino"}, "latino": {"hispanic_latino"}, "latina": {"hispanic_latino"}, "latinx": {"hispanic_latino"}, "hispaniclatinx": {"hispanic_latino"}, "africanamerican": {"black"}, "blackafricanamerican": {"black"}, "blackorafricanamerican": {"black"}, "caucasian": {"white"}, "nativeamerican": {"american_indian_alaska_native"}, "americanindian": {"american_indian_alaska_native"}, "pacificislander": {"native_hawaiian_pacific_islander"}, "mena": {"middle_eastern_north_african"}, "mixed": {"multiracial"}, "twoormore": {"multiracial"},
	"y": {"yes"}, "n": {"no"}, "1": {"yes"}, "0": {"no"}, "true": {"yes"}, "false": {"no"}, "x": {"yes"}, "u": {"unknown"}, "unk": {"unknown"}, "na": {"unknown"}, "notknown": {"unknown"}, "dontknow": {"unknown"}, "refused": {"unknown"}, "declinedtoanswer": {"unknown"},
	"shelter": {"emergency_shelter"}, "foster": {"resource_family"}, "fostercare": {"resource_family"}, "fosterhome": {"resource_family"}, "juvenilehall": {"detention"}, "awol": {"runaway", "ran_away"}, "strtp": {"residential_treatment"}, "counseling": {"crisis_counseling"}, "legalaid": {"legal_aid", "legal"}, "police": {"law_enforcement"}, "signedroi": {"signed"}}

// identifies tells whether a folded name of a column is one that people are known by.
func identifies(name string) bool {
	for _, id := range Identifying {
		if folded(id) == name || slices.Contains(synonyms[name], id) {
			return true
		}
	}
	return false
}

func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// suggestColumn is our column that a header names best, or "".
func suggestColumn(e models.Entity, header string) string {
	name := folded(header)
	candidates := slices.Clone(synonyms[name])
	for _, c := range e.Columns {
		if folded(c.Name) == name {
			return c.Name
		}
	}
	for _, id := range Identifying {
		if folded(id) == name {
			candidates = append(candidates, id)
		}
	}
	if name == "id" {
		candidates = append(candidates, e.Key[0])
	}
	for _, ours := range candidates {
		if _, ok := e.Column(ours); ok || e.Tokens && slices.Contains(Identifying, ours) {
			return ours
		}
	}
	return ""
}

// suggestCode is our code that a value means, or "".
func suggestCode(c models.Column, value string) string {
	name := folded(value)
	for _, v := range c.Values {
		if folded(v) == name {
			return v
		}
	}
	for _, v := range codeSynonyms[name] {
		if slices.Contains(c.Values, v) {
			return v
		}
	}
	return ""
}
