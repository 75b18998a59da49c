package tokens

import "strings"

// nicknames lists, one name a line, the names that stand for it: common English and Spanish short forms, collected by the
// project from general knowledge. A short form of several names is listed with the most frequent one: what counts is that
// two agencies fold it alike.
const nicknames = `
abigail abby abbie gail
alejandro alex alejo
alejandra sandra
alexander alec xander sasha
alexandra lexi alexa
amanda mandy
andrew andy drew
angela angie
anthony tony
antonio tono
barbara barb babs
benjamin ben benny benji
bradley brad
calvin cal
cameron cam
catherine kathy cathy katie kate cate kat
charles charlie chuck chas
charlotte lottie
christina tina chrissy christy
christopher chris topher kit
concepcion concha conchita
consuelo chelo
cynthia cindy
daniel dan danny
danielle dani
david dave davey
deborah deb debbie debby
dolores lola lolita
dominic dom
donald don donnie
dorothy dot dottie dolly
douglas doug
eduardo lalo
edward ed eddie ned ted teddy
eleanor ellie nell
elizabeth liz lizzie beth betty eliza liza lisbeth bess betsy
enrique quique
eugene gene
fernando nando
francisco pancho paco frank
franklin frankie
frederick fred freddie
gabriel gabe
gabriela gaby
gabrielle gabby
geoffrey geoff jeff
gerald jerry gerry
gertrude trudy
gregory greg
guadalupe lupe lupita
guillermo memo
harold hal
henry hank
humberto beto
ignacio nacho
isabel chabela
isabella bella izzy
jacob jake
jacqueline jackie
james jim jimmy jamie
janet jan
jennifer jen jenny jenn
jesus chuy chucho
jessica jess jessie
jesse jess
joaquin quino
john johnny jack
jonathan jon jonny
jose pepe
joseph joe joey
josefina josie fina
joshua josh
judith judy
katherine katy
kenneth ken kenny
kimberly kim kimmy
lawrence larry
leonard leo lenny
leticia lety
luis lucho
lucia lucy
luz lucita
madeline maddie
manuel manny manolo
margaret maggie meg peggy marge margie
maria mari
mario mayo
matthew matt matty
megan meggie
melissa missy lissa
mercedes meche
michael mike mikey mick mickey
michelle shelly
mitchell mitch
mohammed mohamed muhammad mohammad muhammed mohamad
natalie nat
natasha tasha
nathan nate
nathaniel nathanial
nicholas nick nicky
nicole nicki nikki
olivia livvy
pamela pam
patricia pat patty trish tricia
patrick paddy
peter pete
philip phil phillip
rafael rafa
ramon moncho
randall randy
raymond ray
rebecca becky becca
ricardo ricky
richard rich rick dick richie
robert rob bob bobby robbie bert
roberto tito
rodrigo rodri
ronald ron ronnie
rosario chayo
rosa rosita
samantha sammie
samuel sam sammy
santiago chago
sergio checo
stephanie steph
steven steve stephen stevie
susan sue susie suzie
teresa tere theresa terry
thomas tom tommy
timothy tim timmy
valentina vale
valeria val
veronica vero ronnie
victor vic
victoria vicky vicki tori
vincent vince vinny
virginia ginny
walter walt
wendell wendy
william bill billy will willie liam
zachary zach zack zac
`

var formalOf = func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(nicknames) {
		names := strings.Fields(line)
		if len(names) == 0 {
			continue
		}
		for _, n := range names[1:] {
			if _, taken := m[n]; !taken {
				m[n] = names[0]
			}
		}
	}
	return m
}()

// formal is the name that a nickname stands for, or the name itself.
func formal(n string) string {
	if f, ok := formalOf[n]; ok {
		return f
	}
	return n
}
